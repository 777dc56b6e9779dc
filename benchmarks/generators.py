"""Attacks on generators: CamVid, label map -> photo at 64 x 64, split by blocks of frames.

    python benchmarks/generators.py                    # everything, 3 seeds, 2 processes
    python benchmarks/generators.py --seeds 7 --only epochs
    python benchmarks/generators.py --pool             # audits with 16 reference models each

Every seed draws its own split (blocks of 10 frames, 2 dropped at borders) and trains its own
victims: a plain U-Net with L1, and pix2pix. The errors of the records that the victim never saw
beside the audited ones (the population) fit the regression on difficulty; nothing is fitted on the
audited records. Writes benchmarks/results/generators.json.

Images are looked for in ../shared/data/camvid beside the checkout unless --root says otherwise.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from support.machine import machine

HERE = Path(__file__).parent
MEMBERS = 150
PLAIN = (
    "difficulty-total-variation",
    "difficulty-neighbours",
    "difficulty-compression",
    "difficulty-features",
)
UNET = {
    "network": {"name": "unet", "options": {"widths": [32, 64, 128, 256]}},
    "loss": "l1",
    "lr": 0.002,
}
PIX2PIX = {
    "network": {"name": "pix2pix", "options": {"width": 32}},
    "adversary": {"name": "pix2pix", "width": 32},
    "batch_size": 4,
    "lr": 0.0005,
}
EPOCHS = {"unet-l1": (10, 20, 40, 80), "pix2pix": (10, 20, 40)}
SIZES = {"unet-l1": (50, 100), "pix2pix": (50, 100)}
USUAL_EPOCHS = {"unet-l1": 20, "pix2pix": 20}
RECIPES = {"unet-l1": UNET, "pix2pix": PIX2PIX}


def cells(only: str | None) -> list[tuple[str, int, int]]:
    """(victim, members, epochs) of every training."""
    found = []
    for victim in RECIPES:
        if only in (None, "epochs"):
            found += [(victim, MEMBERS, epochs) for epochs in EPOCHS[victim]]
        if only in (None, "sizes"):
            found += [(victim, size, USUAL_EPOCHS[victim]) for size in SIZES[victim]]
    return found


def difficulties(root: Path, folder: Path) -> dict[str, Any]:
    """Signal tables of all records: the usual difficulties, and variants of the deep features."""
    from pixleak.core.tables import SignalTable
    from pixleak.records.named import DATASETS
    from pixleak.records.named.base import open_named
    from pixleak.signals.difficulty import DIFFICULTIES
    from pixleak.signals.difficulty.base import measure_difficulty
    from pixleak.signals.difficulty.from_features import FeatureDifficulty

    records = open_named(DATASETS["camvid"], root, (64, 64), "labels-to-photo")
    kept = folder / "difficulties.npz"
    variants = {
        "deep features, faithful": FeatureDifficulty(mode="faithful"),
        **{f"deep features, stage {k + 1}": FeatureDifficulty(stages=(k,)) for k in range(4)},
        **{
            f"faithful, {share:.0%} fitted": FeatureDifficulty(mode="faithful", share=share)
            for share in (0.3, 0.5, 0.9)
        },
    }
    plain = [DIFFICULTIES.make(name) for name in PLAIN]
    if not kept.is_file():
        columns = {"plain": measure_difficulty(records, plain).values}
        columns |= {name: measure_difficulty(records, [v]).values for name, v in variants.items()}
        np.savez(kept, **columns)
    infos = {"plain": tuple(one.info for one in plain)}
    with np.load(kept) as columns:
        return {
            name: SignalTable(
                records.ids,
                columns[name],
                infos.get(name, (FeatureDifficulty().info,)),
                np.ones(columns[name].shape, dtype=bool),
            )
            for name in ("plain", *variants)
        }


def one_seed(
    root: Path,
    seed: int,
    only: str | None,
    workers: int,
    folder: Path,
    hardness: dict[str, Any],
) -> list[dict[str, Any]]:
    from pixleak.core.access import Access
    from pixleak.records.named import DATASETS
    from pixleak.records.named.base import open_named
    from pixleak.records.prepared.prepare import prepare
    from pixleak.records.splitting.blocks import block_split
    from pixleak.signals import signals_on
    from pixleak.signals.measure import measure
    from pixleak.targets.target_for import target_for
    from pixleak.training.checkpoint import load_network
    from pixleak.training.jobs import TrainingJob, train_all
    from pixleak.training.recipe import Recipe

    records = open_named(DATASETS["camvid"], root, (64, 64), "labels-to-photo")
    split = block_split(
        records,
        {
            "target-members": MEMBERS,
            "target-nonmembers": MEMBERS,
            "shadow-members": 0,
            "shadow-nonmembers": 0,
            "population": 200,
        },
        seed=seed,
        block=10,
        gap=2,
    )
    used = [key for role in split.roles.values() for key in role]
    prepared = prepare(records.select(used), folder / f"records-{seed}")
    units = split.units(records)
    blocks = sorted({units[key] for key in split.roles["target-members"]})
    np.random.default_rng(seed).shuffle(blocks)
    # Whole blocks in random order: a smaller training set is as mixed as a larger one.
    members = [k for b in blocks for k in split.roles["target-members"] if units[k] == b]
    jobs = []
    for victim, size, epochs in cells(only):
        recipe = Recipe(**RECIPES[victim], epochs=epochs)
        name = f"{victim}-{size}-{epochs}"
        trained_on = prepared.select(members[:size])
        path = folder / f"{seed}-{name}.safetensors"
        jobs.append(TrainingJob(name, recipe, trained_on, seed, path))
    done = {m.name: m for m in train_all(jobs, workers=workers, resume=True)}
    hard = hardness["plain"].select(ids=prepared.ids)
    other = {
        name: table.select(ids=prepared.ids).values[:, 0]
        for name, table in hardness.items()
        if name != "plain"
    }
    found = []
    for job in jobs:
        victim, size, epochs = job.name.rsplit("-", 2)
        signals = [
            s
            for s in (kind() for kind in signals_on(records.truth).values())
            if not s.optional and not s.needs_samples and s.info.access is Access.IMAGE
        ]
        target = target_for(load_network(job.path), prepared.truth, Access.IMAGE)
        seen = measure(target, prepared, signals).join(hard)
        blank = job.method.untrained(*shape(prepared), seed=seed)
        twin = target_for(blank, prepared.truth, Access.IMAGE)
        control = measure(twin, prepared, signals).join(hard)
        kept = [*members[: int(size)], *split.roles["target-nonmembers"]]
        rows = attacks(
            seen, control, kept, set(members), split.roles["population"], units, other, seed
        )
        inside = seen.select(ids=members[: int(size)], signals=["l1-error"]).values.mean()
        outside = seen.select(ids=split.roles["target-nonmembers"], signals=["l1-error"])
        found.append(
            {
                "seed": seed,
                "victim": victim,
                "members": int(size),
                "epochs": int(epochs),
                "seconds": done[job.name].seconds,
                "l1_members": float(inside),
                "l1_nonmembers": float(outside.values.mean()),
                "attacks": rows,
            }
        )
        best = rows["error alone, L1"], rows["fitted, all difficulties"]
        print(seed, job.name, *(f"{r['auc'][0]:.3f} {r['tpr'][0]:.3f}" for r in best), flush=True)
    return found


def shape(records: Any) -> tuple[Any, ...]:
    return records.image_shape[0], records.truth, records.image_shape[1:]


def attacks(
    seen: Any,
    control: Any,
    kept: list[str],
    members: set[str],
    population: tuple[str, ...],
    units: Any,
    other: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    from pixleak.attacks.calibrated.membership_error import FittedMembershipError, MembershipError
    from pixleak.attacks.evidence import Population
    from pixleak.attacks.threshold import Threshold
    from pixleak.core.tables import Scores, SignalInfo, SignalTable

    def table(of: Any, error: str, difficulty: str | None) -> Any:
        """Error and difficulty; the latter also of the variants that no table holds."""
        if difficulty is None or difficulty in of.names:
            return of.select(signals=[error] if difficulty is None else [error, difficulty])
        first = of.select(signals=[error])
        info = SignalInfo("variant", "range", "higher", queries_model=False)
        values = np.stack([first.values[:, 0], other[difficulty]], axis=1)
        known = np.ones(values.shape, dtype=bool)
        return SignalTable(first.ids, values, (*first.infos, info), known)

    def scored(attack: Any, of: Any, error: str, difficulty: str | None) -> Scores:
        whole = table(of, error, difficulty)
        outer = Population(whole.select(ids=population)) if attack.needs_population else None
        return attack.score(whole.select(ids=kept), None, outer)

    def standardised(of: Any, error: str, difficulty: str) -> Scores:
        """Error minus difficulty, each in standard deviations of the population."""
        whole = table(of, error, difficulty)
        scale = whole.select(ids=population).values.std(axis=0)
        asked = whole.select(ids=kept)
        scores = asked.values[:, 1] / scale[1] - asked.values[:, 0] / scale[0]
        return Scores(asked.ids, scores, np.ones(len(scores), dtype=bool), "standardised", error)

    def row(scores: Scores, control: Scores | None) -> dict[str, Any]:
        return judged(scores, control, members, units, seed)

    found = {}
    alone, fitted = Threshold(), FittedMembershipError()
    for error, what in (("l1-error", "L1"), ("l2-error", "L2"), ("ssim-error", "1 - SSIM")):
        found[f"error alone, {what}"] = row(
            scored(alone, seen, error, None), scored(alone, control, error, None)
        )
    for name in ("likeness", "edge-likeness", "coarse-error", "fine-error"):
        found[name] = row(scored(alone, seen, name, None), scored(alone, control, name, None))
    for name in PLAIN:
        found[f"{name} alone"] = row(alone.score(seen.select(ids=kept, signals=[name])), None)
        found[f"fitted, {name}"] = row(
            scored(fitted, seen, "log-l1-error", name),
            scored(fitted, control, "log-l1-error", name),
        )
        found[f"fitted without logarithm, {name}"] = row(
            scored(fitted, seen, "l1-error", name), None
        )
        found[f"standardised difference, {name}"] = row(standardised(seen, "l1-error", name), None)
    for error, what in (("log-l1-error", ""), ("coarse-error", " (coarse error)")):
        whole, blank = (t.select(signals=[error, *PLAIN]) for t in (seen, control))
        found[f"fitted, all difficulties{what}"] = row(
            *(
                fitted.score(t.select(ids=kept), None, Population(t.select(ids=population)))
                for t in (whole, blank)
            )
        )
    for alpha in (0.5, 1.0, 2.0):
        for name in ("difficulty-features", "deep features, faithful"):
            found[f"alpha = {alpha:g}, {name}"] = row(
                scored(MembershipError(alpha=alpha), seen, "l1-error", name),
                scored(MembershipError(alpha=alpha), control, "l1-error", name)
                if name in PLAIN
                else None,
            )
    for error, what in (("log-l2-error", "L2"), ("ssim-error", "1 - SSIM")):
        found[f"fitted ({what}), difficulty-features"] = row(
            scored(fitted, seen, error, "difficulty-features"), None
        )
    for name in other:
        found[f"fitted, {name}"] = row(scored(fitted, seen, "log-l1-error", name), None)
    return found


def judged(scores: Any, control: Any, members: set[str], units: Any, seed: int) -> dict[str, Any]:
    from pixleak.core.tables import SignalInfo
    from pixleak.evaluation.evaluate import evaluate_scores

    result = evaluate_scores(
        scores,
        np.array([key in members for key in scores.ids]),
        units=[units[key] for key in scores.ids],
        info=SignalInfo("one", "1", "higher"),
        control=control,
        title="one",
        seed=seed,
        fprs=(0.01,),
        replicates=400,
    )
    rate = result.tpr_at_fpr[0]
    return {
        "auc": [result.auc.value, result.auc.low, result.auc.high],
        "tpr": [rate.value, rate.low, rate.high, rate.successes, rate.trials],
        "untrained_auc": result.control_auc
        and [result.control_auc.value, result.control_auc.low, result.control_auc.high],
    }


def pool(root: Path, seed: int, workers: int) -> dict[str, Any]:
    """An audit of the plain U-Net with 16 reference models."""
    from pixleak.auditing.api import audit_config
    from pixleak.request.file import parse_config
    from pixleak.results.sections import LeaveOneOut

    config = parse_config(
        {
            "seed": seed,
            "records": {
                "reader": "named",
                "set": "camvid",
                "root": str(root),
                "size": [64, 64],
                "direction": "labels-to-photo",
            },
            "split": {"kind": "blocks", "target_members": MEMBERS, "population": 200},
            "target": {"recipe": {**UNET, "epochs": USUAL_EPOCHS["unet-l1"]}},
            "shadow": None,
            "references": {"models": 16},
            "difficulties": list(PLAIN),
            "workers": workers,
            "exhibits": 0,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        result = audit_config(config, Path(folder) / "run")
    print(result)
    spreads = result.section(LeaveOneOut)
    assert spreads is not None
    return {
        "seed": seed,
        "seconds": result.seconds,
        "verdict": result.verdict.answer,
        "controls": {
            c.name: c.auc and [c.auc.value, c.auc.low, c.auc.high] for c in result.controls
        },
        "victims": len(spreads.victims),
        "attacks": {
            f"{one.name}/{one.signal}": {
                "title": one.title,
                "auc": [one.auc.value, one.auc.low, one.auc.high],
                "tpr": {
                    str(rate.fpr): [rate.mean.value, rate.mean.low, rate.mean.high]
                    for rate in one.tpr_at_fpr
                    if rate.resolvable
                },
            }
            for one in spreads.attacks
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE.parents[1] / "shared/data/camvid")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=("epochs", "sizes"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--pool", action="store_true", help="audits with reference models instead")
    parser.add_argument("--out", type=Path, help="another result file")
    parser.add_argument("--keep", type=Path, help="keep models here, and resume from them")
    given = parser.parse_args()
    if not given.root.is_dir():
        print("skipped: there are no images in ../shared/data/camvid")
        return
    seeds = " ".join(map(str, given.seeds))
    if given.pool:
        runs = [pool(given.root, seed, given.workers) for seed in given.seeds]
        write(
            given.out or HERE / "results" / "generators_pool.json", f"--pool --seeds {seeds}", runs
        )
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runs = []
        hardness = difficulties(given.root, folder)
        for seed in given.seeds:
            runs += one_seed(given.root, seed, given.only, given.workers, folder, hardness)
    write(given.out or HERE / "results" / "generators.json", f"--seeds {seeds}", runs)


def write(path: Path, arguments: str, runs: list[dict[str, Any]]) -> None:
    content = {
        "command": f"python benchmarks/generators.py {arguments}",
        "machine": machine(),
        "runs": runs,
    }
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
