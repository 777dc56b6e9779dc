"""Is a shift of annotation between the sides taken for a leak, and is a true leak still found?

    python benchmarks/null_shift.py [--sides 60 200] [--audits 100 40] [--workers 2]
                                    [--worlds null leak null-pool leak-pool]

Audits of generated images run through the same code as any audit. The masks of 30 % of the
non-members are moved by one pixel after the split in the null worlds; nothing is moved in the
leaks:

null       the target is a U-Net trained on neither side, so that "leak" is wrong
leak       the target is trained on the members for a few epochs, so that "leak" is right
...-pool   with 4 reference models trained on halves of the audited images, and no shadow model

Counted are verdicts, with exact binomial intervals, and the controls that failed. Writes
benchmarks/results/null_shift.json. The same worlds are drawn by any version of pixleak, so the
script compares two versions: run it with either on the path, and with --out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.machine import machine

HERE = Path(__file__).parent
MOVED = 0.3
"""Share of the non-members whose masks are moved."""
NETWORK = {"network": {"name": "unet"}, "loss": "dice+ce", "epochs": 20, "lr": 0.002}
NOISE = 0.1
"""Of the masks of all records; the more there is, the less a pixel matters."""
LEAKING = {60: 20, 200: 20}
"""Epochs of a target that leaks, by the number of members: enough for most audits to say so."""


@dataclass(frozen=True)
class Moved:
    """Loads records, some of them with the mask one pixel further to the right; picklable."""

    load: Any
    positions: frozenset[int]

    def __call__(self, index: int) -> Any:
        image, labels = self.load(index)
        if index in self.positions:
            labels = torch.cat([labels[:, :1], labels[:, :-1]], dim=1)
        return image, labels


def _folder() -> Path:
    return Path(tempfile.gettempdir()) / "pixleak-null-shift"


def _trained(name: str, seed: int) -> Any:
    """A U-Net trained on images that no audit draws."""
    from pixleak import phantom
    from pixleak.training.checkpoint import load_network
    from pixleak.training.jobs import TrainingJob, train_all
    from pixleak.training.recipe import Recipe

    path = _folder() / f"{name}.safetensors"
    job = TrainingJob(
        name, Recipe(**NETWORK), phantom(120, size=32, seed=999, label_noise=NOISE), seed, path
    )
    train_all([job], resume=True)
    return load_network(path)


def _plan(world: str, side: int, number: int) -> Any:
    from pixleak import phantom
    from pixleak.core.access import Access
    from pixleak.pipeline.plan.build import draw_pool
    from pixleak.pipeline.plan.plan import GivenTarget, Plan, TrainedTarget
    from pixleak.records.base import Records
    from pixleak.records.combine import gather
    from pixleak.targets.target_for import target_for
    from pixleak.training.recipe import Recipe

    null, pool = world.startswith("null"), world.endswith("pool")
    drawn = phantom(2 * side, size=32, seed=10_000 + number, label_noise=NOISE)
    moved: frozenset[int] = frozenset()
    if null:
        generator = np.random.default_rng(number)
        chosen = generator.permutation(side)[: round(MOVED * side)]
        moved = frozenset((side + chosen).tolist())
    audited = Records(drawn.keys, Moved(drawn.load, moved), drawn.truth, "phantom")
    sets = {
        "target-members": audited.select(audited.ids[:side]),
        "target-nonmembers": audited.select(audited.ids[side:]),
    }
    if not pool:  # the shadow's records are the same in all audits, so it is trained once
        other = phantom(180, size=32, seed=998, label_noise=NOISE)
        sets["shadow-members"] = other.select(other.ids[:120])
        sets["shadow-nonmembers"] = other.select(other.ids[120:])
    records, split = gather(sets, seed=0)
    recipe = Recipe(**NETWORK)
    if null:
        target: Any = GivenTarget.of(
            target_for(_trained("target", 7), records.truth, Access.LOGIT), seed=3
        )
    else:
        target = TrainedTarget(Recipe(**(NETWORK | {"epochs": LEAKING[side]})), Access.LOGIT)
        recipe = target.method if pool else recipe
    return Plan(
        title=f"{world} {side} {number}",
        seed=0,
        records=records,
        split=split,
        target=target,
        shadow=None if pool else recipe,
        learned=(),
        references=draw_pool(recipe, records, split, models=4, seed=0) if pool else None,
        exhibits=0,
        analyses=(),
    )


def one_audit(world: str, side: int, number: int) -> dict[str, Any]:
    """The answer of one audit, and its controls."""
    from pixleak.auditing.run import run_plan

    torch.set_num_threads(1)
    folder = _folder() / f"{world}-{side}-{number}"
    kept = _folder() / f"shadow-{world}"
    if kept.is_dir() and not folder.exists():  # the shadow is trained once
        shutil.copytree(kept, folder / "artefacts" / "model")
    result = run_plan(_plan(world, side, number), folder)
    if "pool" not in world and not kept.exists():
        shadow = next(one.weights for one in result.models if one.name == "shadow")
        place = (folder / shadow).parent
        shutil.copytree(place, kept / place.name)
    shutil.rmtree(folder)
    return {
        "answer": result.verdict.answer,
        "evidence": result.verdict.evidence,
        "failed": [control.name for control in result.controls if control.passed is False],
        "auc": {attack.title: attack.auc.value for attack in result.attacks},
    }


def _audit(job: tuple[str, int, int]) -> dict[str, Any]:
    return one_audit(*job)


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts of the answers, and the share of "leak" with its interval."""
    from pixleak.evaluation.statistics.rates import clopper_pearson

    answers = Counter(one["answer"] for one in found)
    bounds = clopper_pearson(answers["leak"], len(found))
    return {
        "audits": len(found),
        "answers": dict(answers),
        "leak": [answers["leak"] / len(found), bounds.low, bounds.high],
        "failed_controls": dict(Counter(name for one in found for name in set(one["failed"]))),
        "evidence": dict(Counter(name for one in found for name in one["evidence"])),
        "each": [one["answer"] for one in found],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[60, 200])
    parser.add_argument("--audits", type=int, nargs="+", default=[100, 40], help="of each side")
    parser.add_argument("--worlds", nargs="+", default=["null", "leak", "null-pool", "leak-pool"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "null_shift.json")
    arguments = parser.parse_args()
    begun = time.monotonic()
    content: dict[str, Any] = {"machine": machine(), "moved": MOVED}
    _folder().mkdir(exist_ok=True)
    _trained("target", 7)
    with ProcessPoolExecutor(arguments.workers) as processes:
        for world in arguments.worlds:
            for side, audits in zip(arguments.sides, arguments.audits, strict=True):
                first = [one_audit(world, side, 0)]  # trains what the others share
                jobs = [(world, side, number) for number in range(1, audits)]
                found = first + list(processes.map(_audit, jobs))
                content[f"{world}/{side}"] = summary(found)
                print(world, side, json.dumps(content[f"{world}/{side}"]), flush=True)
    content["seconds"] = round(time.monotonic() - begun, 1)
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
