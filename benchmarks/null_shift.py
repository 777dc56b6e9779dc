"""Is a shift of annotation between the sides taken for a leak, and is a true leak still found?

    python benchmarks/null_shift.py [--rows null/60:200 leak/60:30] [--workers 2]

Audits of generated images run through the same code as any audit. The masks of 30 % of the
non-members are moved by one pixel after the split in the null worlds; nothing is moved elsewhere:

null       the target is a U-Net trained on neither side, so that "leak" is wrong
fair       the same without moved masks, so that a control that fails does so by chance
leak       the target is trained on the members for a few epochs, so that "leak" is right
...-pool   with 4 reference models trained on halves of the audited images, and no shadow model

A row is a world, the records a side, and the number of audits. Counted are verdicts, with exact
binomial intervals, the controls that failed, and the verdicts that the same audits would have had
without "trained elsewhere" (control and excess), without "members against members", and with a
blind baseline that does not see how edges of image and truth meet. Writes
benchmarks/results/null_shift.json after every batch of audits, so that a run that is cut off leaves
the counts of what it finished; audits that the file holds already are not repeated.
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
from unittest import mock

import numpy as np
import torch
from support.machine import machine

HERE = Path(__file__).parent
MOVED = 0.3
"""Share of the non-members whose masks are moved."""
NETWORK = {"network": {"name": "unet"}, "loss": "dice+ce", "epochs": 20, "lr": 0.002}
NOISE = 0.1
"""Of the masks of all records; the more there is, the less a pixel matters."""
LEAKING = 20
"""Epochs of a target that leaks: enough for most audits to say so."""
ROWS = ("null/60:200", "fair/60:200", "leak/60:30", "null/200:20", "null-pool/60:10")
BATCH = 10


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

    kind, pool = world.removesuffix("-pool"), world.endswith("-pool")
    drawn = phantom(2 * side, size=32, seed=10_000 + number, label_noise=NOISE)
    moved: frozenset[int] = frozenset()
    if kind == "null":
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
    if kind != "leak":
        target: Any = GivenTarget.of(
            target_for(_trained("target", 7), records.truth, Access.LOGIT), seed=3
        )
    else:
        target = TrainedTarget(Recipe(**(NETWORK | {"epochs": LEAKING})), Access.LOGIT)
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
    plan = _plan(world, side, number)
    result = run_plan(plan, folder)
    if "pool" not in world:
        shadow = next(one.weights for one in result.models if one.name == "shadow")
        place = (folder / shadow).parent
        if not (kept / place.name).exists():  # there may be one of another version beside it
            shutil.copytree(place, kept / place.name, dirs_exist_ok=True)
    shutil.rmtree(folder)
    return {
        "answer": result.verdict.answer,
        "without": _without(plan, result),
        "failed": sorted({control.name for control in result.controls if control.passed is False}),
    }


def _without(plan: Any, result: Any) -> str:
    """The answer without the controls that this benchmark is about, from the same figures."""
    from pixleak.evaluation.elsewhere import ELSEWHERE
    from pixleak.evaluation.placebo import PLACEBO
    from pixleak.evaluation.verdict.rule import BLIND, decide

    nothing = {"elsewhere_auc": None, "elsewhere_excess": None, "elsewhere_tpr": []}
    answer: str = decide(
        [attack.model_copy(update=nothing) for attack in result.attacks],
        [
            _plain_baseline(plan) if one.name == BLIND else one
            for one in result.controls
            if one.name not in (ELSEWHERE, PLACEBO)
        ],
        duplicates=result.duplicates,
        shift=result.shift,
        members=max(attack.members for attack in result.attacks),
        nonmembers=max(attack.nonmembers for attack in result.attacks),
    ).answer
    return answer


def _plain_baseline(plan: Any) -> Any:
    """The blind baseline without the features of alignment."""
    from pixleak.core.roles import Role
    from pixleak.evaluation.controls import evaluate_control
    from pixleak.signals.blind import blind_baseline

    records = plan.records.select(plan.audited)
    members = set(plan.ids(Role.TARGET_MEMBERS))
    member = np.array([key in members for key in records.ids])
    units = plan.split.units(plan.records)
    with mock.patch(
        "pixleak.signals.blind.alignment_features", lambda seen: ((), np.zeros((len(seen), 0)))
    ):
        found = blind_baseline(
            records, member, units=[units[key] for key in records.ids], seed=plan.seed_for("blind")
        )
    return evaluate_control(
        found.scores,
        member,
        name="blind-baseline",
        title="Blind baseline",
        what="Without alignment.",
        null_aucs=found.null_aucs,
        level=0.05,
    )


def _audit(job: tuple[str, int, int]) -> dict[str, Any]:
    return one_audit(*job)


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts of the answers, and the share of "leak" with its interval."""
    from pixleak.evaluation.statistics.rates import clopper_pearson

    content: dict[str, Any] = {"audits": len(found)}
    for key in ("answer", "without"):
        answers = Counter(one[key] for one in found)
        bounds = clopper_pearson(answers["leak"], len(found))
        content[key] = dict(answers)
        content[f"leak, {key}"] = [answers["leak"] / len(found), bounds.low, bounds.high]
    content["failed_controls"] = dict(Counter(name for one in found for name in one["failed"]))
    content["each"] = found
    return content


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", nargs="+", default=ROWS, help="world/side:audits")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "null_shift.json")
    arguments = parser.parse_args()
    content: dict[str, Any] = {"machine": machine(), "moved": MOVED, "seconds": 0.0}
    if arguments.out.exists():
        content = json.loads(arguments.out.read_text(encoding="utf-8"))
    begun = time.monotonic() - content["seconds"]
    _folder().mkdir(exist_ok=True)
    _trained("target", 7)
    with ProcessPoolExecutor(arguments.workers) as processes:
        for row in arguments.rows:
            name, wanted = row.split(":")
            world, side = name.split("/")
            found = content.get(name, {}).get("each", [])
            while len(found) < int(wanted):
                first = len(found)
                last = min(first + BATCH, int(wanted)) if first else 1  # one trains the shadow
                jobs = [(world, int(side), number) for number in range(first, last)]
                found = found + list(processes.map(_audit, jobs))
                content[name] = summary(found)
                content["seconds"] = round(time.monotonic() - begun, 1)
                arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            told = {key: value for key, value in content[name].items() if key != "each"}
            print(name, json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
