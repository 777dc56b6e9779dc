"""Attacks on generators: CamVid, label map -> photo at 64 x 64, split by blocks of frames.

    python benchmarks/generators.py                    # everything, 3 seeds, 2 processes
    python benchmarks/generators.py --seeds 7 --only epochs

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


def difficulties(root: Path) -> dict[str, Any]:
    """Signal tables of all records: the usual difficulties, and variants of the deep features."""
    from pixleak.records.named import DATASETS
    from pixleak.records.named.base import open_named
    from pixleak.signals.difficulty import DIFFICULTIES
    from pixleak.signals.difficulty.base import measure_difficulty
    from pixleak.signals.difficulty.features import FeatureDifficulty

    records = open_named(DATASETS["camvid"], root, (64, 64), "labels-to-photo")
    variants = {
        "deep features, faithful": FeatureDifficulty(mode="faithful"),
        **{f"deep features, stage {k + 1}": FeatureDifficulty(stages=(k,)) for k in range(4)},
        **{
            f"faithful, {share:.0%} fitted": FeatureDifficulty(mode="faithful", share=share)
            for share in (0.3, 0.5, 0.9)
        },
    }
    found = {"plain": measure_difficulty(records, [DIFFICULTIES[name] for name in PLAIN])}
    found |= {name: measure_difficulty(records, [one]) for name, one in variants.items()}
    return found


def one_seed(
    root: Path,
    seed: int,
    only: str | None,
    workers: int,
    folder: Path,
    hardness: dict[str, Any],
) -> list[dict[str, Any]]:
    from pixleak.records.named import DATASETS
    from pixleak.records.named.base import open_named
    from pixleak.records.prepare import prepare
    from pixleak.records.splits import block_split
    from pixleak.signals.images import IMAGE_SIGNALS
    from pixleak.signals.measure import measure
    from pixleak.targets.asking import asked
    from pixleak.training.checkpoint import load_network
    from pixleak.training.recipe import Recipe
    from pixleak.training.side_by_side import TrainingJob, train_all
    from pixleak.training.untrained import untrained
    from pixleak.types import Access

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
            for s in IMAGE_SIGNALS.values()
            if not s.optional and not s.needs_samples and s.info.access is Access.IMAGE
        ]
        target = asked(load_network(job.path), prepared.truth, Access.IMAGE)
        seen = measure(target, prepared, signals).join(hard)
        blank = untrained(job.recipe, *shape(prepared), seed=seed)
        control = measure(asked(blank, prepared.truth, Access.IMAGE), prepared, signals).join(hard)
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
        best = rows["error alone (L1)"], rows["fitted, difficulty-total-variation"]
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
    from pixleak.attacks.base import Population
    from pixleak.attacks.membership_error import FittedMembershipError, MembershipError
    from pixleak.attacks.threshold import Threshold
    from pixleak.types import Scores, SignalInfo, SignalTable

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
    for error, what in (("l1-error", "L1"), ("l2-error", "L2"), ("ssim-error", "1 - SSIM")):
        plain = Threshold(), error, None
        found[f"error alone ({what})"] = row(
            scored(plain[0], seen, error, None), scored(plain[0], control, error, None)
        )
        name = "difficulty-total-variation"
        found[f"fitted ({what}), {name}"] = row(
            scored(FittedMembershipError(), seen, error, name), None
        )
    for name in ("likeness", "edge-likeness", "coarse-error", "fine-error"):
        found[name] = row(
            scored(Threshold(), seen, name, None), scored(Threshold(), control, name, None)
        )
    for name in PLAIN:
        alone = Threshold().score(seen.select(ids=kept, signals=[name]))
        found[f"{name} alone"] = row(alone, None)
        found[f"fitted, {name}"] = row(
            scored(FittedMembershipError(), seen, "l1-error", name),
            scored(FittedMembershipError(), control, "l1-error", name),
        )
        found[f"logs fitted, {name}"] = row(
            scored(FittedMembershipError(), seen, "log-l1-error", name), None
        )
        found[f"standardised alpha = 1, {name}"] = row(standardised(seen, "l1-error", name), None)
    every = FittedMembershipError()
    whole = seen.select(signals=["l1-error", *PLAIN])
    found["fitted, all difficulties"] = row(
        every.score(whole.select(ids=kept), None, Population(whole.select(ids=population))), None
    )
    for alpha in (0.5, 1.0, 2.0):
        found[f"alpha = {alpha:g}, difficulty-features"] = row(
            scored(MembershipError(alpha=alpha), seen, "l1-error", "difficulty-features"), None
        )
        found[f"alpha = {alpha:g}, deep features, faithful"] = row(
            scored(MembershipError(alpha=alpha), seen, "l1-error", "deep features, faithful"), None
        )
    for name in other:
        found[f"fitted, {name}"] = row(
            scored(FittedMembershipError(), seen, "l1-error", name), None
        )
    return found


def judged(scores: Any, control: Any, members: set[str], units: Any, seed: int) -> dict[str, Any]:
    from pixleak.evaluation.evaluate import evaluate_scores
    from pixleak.types import SignalInfo

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE.parents[1] / "shared/data/camvid")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=("epochs", "sizes"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "generators.json")
    parser.add_argument("--keep", type=Path, help="keep models here, and resume from them")
    given = parser.parse_args()
    if not given.root.is_dir():
        print("skipped: there are no images in ../shared/data/camvid")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        runs = []
        hardness = difficulties(given.root)
        for seed in given.seeds:
            runs += one_seed(given.root, seed, given.only, given.workers, folder, hardness)
    content = {
        "command": "python benchmarks/generators.py --seeds " + " ".join(map(str, given.seeds)),
        "machine": machine(),
        "runs": runs,
    }
    given.out.write_text(json.dumps(content, indent=1) + "\n")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
