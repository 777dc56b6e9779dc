"""How often is "leak" said where there is none, family by family, and what leak is found?

    python benchmarks/null_families.py [--worlds 200] [--root FOLDER_OF_KVASIR_SEG] [--only WORD]

nulls      subjects of unequal sizes, hard labels and other tied scores, scores whose spread differs
           from record to record, and two random sets of real images: whole audits, by
           pixleak.audit, of targets that were trained on neither
power      a planted AUC of 0.6 and 0.7: how often the verdict says "leak", and how often it would
           by two other tests of the AUC in its place: that of a whole set, and the sum of ranks;
           a leak of few members
headline   how often the interval of the strongest of 8 and 20 attacks holds its true AUC where
           subjects differ in size (for independent records: unequal_subjects.py)

Other families have a benchmark of their own: near-copies and slices without subjects
(null_units.py), masks off by a pixel (null_shift.py). Every row of the result is written when it is
done, and is not measured again. Writes benchmarks/results/null_families.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from null_audits import power_point
from support.image_worlds import audited, in_memory, targets_and_others
from support.machine import machine
from support.score_worlds import World, covered, judged

HERE = Path(__file__).parent
SIZE = (64, 64)
NULLS = (
    "equal",
    "lognormal",
    "third",
    "half",
    "larger_members",
    "larger_nonmembers",
    "tied",
    "scale_by_record",
    "scale_by_subject",
    "wider_members",
)
POWER = ("equal", "larger_members", "lognormal")
AREAS = (0.6, 0.7)
RECORDS = (50, 100)
EPOCHS = (1, 20, 1, 20)
"""Of the targets of the audits of images, each of which serves an equal share of the worlds."""
TRAINED_ON = 100
BATCH = 10
"""Worlds after which the file is written, so that a run that is cut off goes on there."""
IMAGES = {
    "20 against 20 images": (20, "logit"),
    "20 against 20 images by hard labels": (20, "label"),
}
"""Records a side, and what the targets answer."""

Row = tuple[str, str, Callable[[int], dict[str, Any]], dict[str, Any]]
"""Group, name, one world by its seed, and what else to write down."""


def score_rows() -> Iterator[Row]:
    for kind in NULLS:
        yield "nulls", kind, lambda seed, kind=kind: judged(World(kind), seed), {}
    for kind in POWER:
        for auc in AREAS:
            world = World(kind, auc, compared=True)
            yield (
                "power",
                f"{kind} {auc}",
                lambda seed, world=world: judged(world, seed),
                {"subjects": kind, "auc": auc},
            )
    few = World("few_members")
    yield "power", few.kind, lambda seed: judged(few, seed), {}
    for side in RECORDS:
        for auc in AREAS:

            def point(seed: int, side: int = side, auc: float = auc) -> dict[str, Any]:
                return {"answer": "leak" if power_point(side, auc, seed) else "other", "reason": ""}

            yield "power", f"{side} records {auc}", point, {"records": side, "auc": auc}
    for kind in ("lognormal",):
        for attacks in (8, 20):
            world = World(kind, 0.6)
            yield (
                "headline",
                f"{kind}, {attacks} attacks",
                lambda seed, world=world, attacks=attacks: covered(world, attacks, seed),
                {"subjects": kind, "attacks": attacks, "auc": 0.6},
            )


def image_rows(open_records: Callable[[], Any], folder: Path, worlds: int) -> Iterator[Row]:
    """Audits of random sets; the targets are trained when the first is asked for."""
    kept: list[Any] = []

    def world(seed: int, side: int, access: str) -> dict[str, Any]:
        if not kept:
            records = in_memory(open_records())
            kept.append(records)
            kept.extend(targets_and_others(records, EPOCHS, TRAINED_ON, folder))
        target = kept[1 + seed * len(EPOCHS) // worlds]
        return audited(kept[0], *target, side, access, seed)

    for name, (side, access) in IMAGES.items():

        def one_world(seed: int, side: int = side, access: str = access) -> dict[str, Any]:
            return world(seed, side, access)

        yield "nulls", name, one_world, {"side": side, "epochs": EPOCHS, "access": access}


def counted(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of a row, each share with its exact interval."""
    from pixleak.evaluation.statistics.rates import clopper_pearson

    content: dict[str, Any] = {"worlds": len(found)}

    def share(name: str, hits: Sequence[bool]) -> None:
        bounds = clopper_pearson(sum(hits), len(hits))
        content[name] = [sum(hits), round(bounds.low, 4), round(bounds.high, 4)]

    if "answer" in found[0]:
        share("leak", [one["answer"] == "leak" for one in found])
        content["answers"] = dict(Counter(one["answer"] for one in found))
        content["cannot tell because"] = dict(
            Counter(one["reason"] for one in found if one["reason"])
        )
    for name in found[0]:
        if name not in ("answer", "reason"):
            share(name, [one[name] for one in found])
    return content


def measure(rows: Sequence[Row], worlds: int, path: Path, only: str = "") -> None:
    """Every row that the file lacks (or holds with fewer worlds), one after another."""
    content: dict[str, Any] = {"machine": machine(), "seeds": "0, 1, 2, ...", "rows": {}}
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
    for group, name, one_world, told in rows:
        key = f"{group}: {name}"
        done = content["rows"].get(key, {"worlds": 0})["worlds"]
        if only not in key or done >= worlds:
            continue
        part = content.setdefault("unfinished", {}).pop(key, {"of": worlds})
        same = part["of"] == worlds  # which target a world gets depends on their number
        found, spent = (part["found"], part["seconds"]) if same and "found" in part else ([], 0.0)
        begun = time.monotonic() - spent
        while len(found) < worlds:
            last = min(len(found) + BATCH, worlds)
            found += [one_world(seed) for seed in range(len(found), last)]
            seconds = {"seconds": round(time.monotonic() - begun, 1)}
            content["unfinished"][key] = {"of": worlds, "found": found} | seconds
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        seconds = {"seconds": content["unfinished"].pop(key)["seconds"]}
        content["rows"][key] = {"group": group, "name": name} | told | counted(found) | seconds
        if not content["unfinished"]:
            del content["unfinished"]
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(key, json.dumps(content["rows"][key]), flush=True)


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=200, help="of each row")
    parser.add_argument("--root", type=Path, default=HERE.parent.parent / "shared/data/kvasir-seg")
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "null_families.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    root, worlds, only = arguments.root, arguments.worlds, arguments.only
    with tempfile.TemporaryDirectory() as folder:
        rows = list(score_rows())
        if root.is_dir():
            from pixleak.records.readers.named.kvasir_seg import open_kvasir_seg

            rows += image_rows(lambda: open_kvasir_seg(root, SIZE), Path(folder), worlds)
        else:
            print(f"real images: skipped, there are none in {root}")
        measure(rows, worlds, arguments.out, only)


if __name__ == "__main__":
    main()
