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
from support.generator_attacks import PLAIN, attacks
from support.machine import machine

HERE = Path(__file__).parent
MEMBERS = 150
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
    from pixleak.records.readers.named import DATASETS
    from pixleak.records.readers.named.base import open_named
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
    from pixleak.core.roles import Role
    from pixleak.records.prepared.prepare import prepare
    from pixleak.records.readers.named import DATASETS
    from pixleak.records.readers.named.base import open_named
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
    blocks = sorted({units[key] for key in split.roles[Role.TARGET_MEMBERS]})
    np.random.default_rng(seed).shuffle(blocks)
    # Whole blocks in random order: a smaller training set is as mixed as a larger one.
    members = [k for b in blocks for k in split.roles[Role.TARGET_MEMBERS] if units[k] == b]
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
        blank = job.method.untrained(
            prepared.image_shape[0], prepared.truth, prepared.image_shape[1:], seed
        )
        twin = target_for(blank, prepared.truth, Access.IMAGE)
        control = measure(twin, prepared, signals).join(hard)
        kept = [*members[: int(size)], *split.roles[Role.TARGET_NONMEMBERS]]
        rows = attacks(
            seen, control, kept, set(members), split.roles[Role.POPULATION], units, other, seed
        )
        inside = seen.select(ids=members[: int(size)], signals=["l1-error"]).values.mean()
        outside = seen.select(ids=split.roles[Role.TARGET_NONMEMBERS], signals=["l1-error"])
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


def pool(root: Path, seed: int, workers: int) -> dict[str, Any]:
    """An audit of the plain U-Net with 16 reference models."""
    import pixleak
    from pixleak.request.file import parse_request
    from pixleak.results.sections import LeaveOneOut

    config = parse_request(
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
            "attacker": {"shadow": None, "difficulties": list(PLAIN)},
            "references": {"models": 16},
            "run": {"workers": workers, "exhibits": 0},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        result = pixleak.run(config, Path(folder) / "run")
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
