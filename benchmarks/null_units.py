"""Are correlated records without subjects taken for a leak, and is a true leak still found?

    python benchmarks/null_units.py [--worlds 200] [--workers 2] [--only batches/units]

Pictures and scores are drawn; clusters, control, evaluation and verdict are the package's own.

copies        every scene three times: as it is, brighter and noisy, and cropped by 6 % besides
slices        every volume by three consecutive slices, between which the picture changes
independent   one picture of each scene
batches       the same, but five records in a row share an effect that no picture shows

The scores of three attacks depend on the scene (in batches, on the batch) and smoothly on the
picture, and in the worlds with a leak on membership. Each kind is judged with records as
independent ("separate") and with near-copies as one unit and the controls of correlated records and
of members against members ("units"). Counted are verdicts and failed controls, with exact binomial
intervals. Writes benchmarks/results/null_units.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.machine import machine

HERE = Path(__file__).resolve().parent
GRID, ATTACKS, PER_UNIT, IN_BATCH = 32, 3, 3, 5
ROWS = (
    ("copies", 60, 0.0, "separate"),
    ("copies", 60, 0.0, "units"),
    ("slices", 60, 0.0, "separate"),
    ("slices", 60, 0.0, "units"),
    ("independent", 60, 0.0, "units"),
    ("independent", 60, 0.6, "separate"),
    ("independent", 60, 0.6, "units"),
    ("copies", 90, 1.2, "units"),
    ("batches", 60, 0.0, "separate"),
    ("batches", 60, 0.0, "units"),
    ("batches", 60, 1.8, "units"),
)
"""Kind of records, records a side, shift of the members' scores, and how units are counted."""
WHOLE = ("independent", "batches")
"""Kinds of which every picture is of another scene."""


def scenes(draws: np.random.Generator, count: int) -> torch.Tensor:
    """(count, GRID, GRID) smooth random pictures around one half."""
    coarse = torch.from_numpy(draws.normal(size=(count, 1, 6, 6)).astype(np.float32))
    fine = torch.nn.functional.interpolate(
        coarse, size=(GRID, GRID), mode="bicubic", align_corners=True
    )
    return 0.5 + 0.15 * fine[:, 0]


def cropped(picture: torch.Tensor, share: float = 0.06) -> torch.Tensor:
    """The picture without its border, at its full size."""
    margin = max(1, int(GRID * share / 2))
    inner = picture[None, None, margin : GRID - margin, margin : GRID - margin]
    return torch.nn.functional.interpolate(
        inner, size=(GRID, GRID), mode="bilinear", align_corners=True
    )[0, 0]


def pictures(kind: str, draws: np.random.Generator, units: int) -> tuple[torch.Tensor, Any]:
    """Pictures, and the scene or volume of each."""
    base = scenes(draws, units)
    if kind in WHOLE:
        return base, np.arange(units)
    other = scenes(draws, units)
    made = []
    for unit in range(units):
        for place in range(PER_UNIT):
            if kind == "copies":
                one = cropped(base[unit]) if place == 2 else base[unit]
                noise = torch.from_numpy(draws.normal(size=one.shape).astype(np.float32))
                one = one * draws.uniform(0.8, 1.2) + draws.uniform(-0.1, 0.1) + 0.02 * noise
            else:
                turn, noise = 0.45 * place, draws.normal(size=(GRID, GRID)).astype(np.float32)
                one = np.cos(turn) * (base[unit] - 0.5) + np.sin(turn) * (other[unit] - 0.5)
                one = one + 0.5 + 0.01 * torch.from_numpy(noise)
            made.append(one.float())
    return torch.stack(made), np.repeat(np.arange(units), PER_UNIT)


def one_world(row: tuple[str, int, float, str], seed: int) -> dict[str, Any]:
    """The verdict of one world, and whether its control passed."""
    from types import SimpleNamespace

    import pixleak
    from pixleak.core.roles import Role
    from pixleak.core.tables import Scores
    from pixleak.evaluation.evaluate import evaluate_scores
    from pixleak.evaluation.verdict.rule import decide
    from pixleak.pipeline.clusters import with_clusters
    from pixleak.pipeline.independence import independence_controls
    from pixleak.pipeline.plan.build import build
    from pixleak.pipeline.storage.store import Store
    from pixleak.records.prepared.prepare import prepare

    kind, side, shift, counted = row
    draws = np.random.default_rng(seed)
    units = side if kind in WHOLE else side // PER_UNIT
    shown, unit = pictures(kind, draws, 2 * units)
    member = unit < units
    ids = tuple(f"r{i:04d}" for i in range(len(shown)))
    records = pixleak.Records(
        [pixleak.RecordKey(key) for key in ids],
        lambda i: (shown[i][None], torch.zeros(GRID, GRID, dtype=torch.long)),
        pixleak.LabelTruth(2),
    )
    inside = [key for key, one in zip(ids, member, strict=True) if one]
    outside = [key for key, one in zip(ids, member, strict=True) if not one]
    request = pixleak.AuditRequest(
        members=records.select(inside),
        nonmembers=records.select(outside),
        target=pixleak.TargetModel(model=torch.nn.Conv2d(1, 2, 1)),
        evaluation=pixleak.Evaluation(near_copies="one unit" if counted == "units" else "separate"),
        seed=seed,
    )
    plan = build(request)
    weights = torch.from_numpy(draws.normal(size=GRID * GRID).astype(np.float32))
    picture = ((shown.flatten(1) - 0.5) @ weights).double().numpy()
    picture = (picture - picture.mean()) / picture.std()
    shared = np.arange(len(ids)) // IN_BATCH if kind == "batches" else unit
    scene = draws.normal(size=2 * units)[shared]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "artefacts")
        prepared = prepare(plan.records, Path(folder) / "copies")
        if counted == "units":
            plan, _ = with_clusters(plan, prepared, store)
        of = plan.split.units(plan.records)
        by_record = [of[key] for key in ids]
        scored, results = [], []
        for k in range(ATTACKS):
            noise = draws.normal(size=len(ids))
            values = 0.75 * scene + 0.4 * picture + 0.5 * noise + shift * member
            every = np.ones(len(ids), dtype=bool)
            scores = Scores(ids, values, every, f"attack-{k}", "score")
            results.append(evaluate_scores(scores, member, units=by_record, replicates=100))
            scored.append(SimpleNamespace(scores=scores))
        controls: list[Any] = []
        if counted == "units":
            audited = prepared.select(plan.audited)
            controls = independence_controls(plan, audited, results, scored, store)  # type: ignore[arg-type]
    sides = [len({of[key] for key in plan.ids(role)}) for role in
             (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)]  # fmt: skip
    verdict = decide(
        results, controls, duplicates=None, shift=None, members=sides[0], nonmembers=sides[1]
    )
    return {
        "answer": verdict.answer,
        "failed": [control.name for control in controls if control.passed is False],
        "units": sides[0],
    }


def summary(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts with exact intervals."""
    from pixleak.evaluation.statistics.rates import clopper_pearson

    content: dict[str, Any] = {"worlds": len(found), "units a side": float(
        np.mean([one["units"] for one in found]))}  # fmt: skip
    counts = {answer: sum(one["answer"] == answer for one in found)
              for answer in ("leak", "none-found", "cannot-tell")}  # fmt: skip
    for name in ("correlated-records", "member-placebo"):
        counts[f"{name} failed"] = sum(name in one["failed"] for one in found)
    counts["only member-placebo failed"] = sum(one["failed"] == ["member-placebo"] for one in found)
    for name, count in counts.items():
        bounds = clopper_pearson(count, len(found))
        content[name] = [count, bounds.low, bounds.high]
    return content


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=200, help="of each row")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="rows whose records/counted/shift holds this")
    parser.add_argument("--first", type=int, default=1000, help="seed of a row's first world")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "null_units.json")
    arguments = parser.parse_args()
    content: dict[str, Any] = {"machine": machine(), "rows": []}
    if arguments.only and arguments.out.exists():
        content = json.loads(arguments.out.read_text(encoding="utf-8"))
    told = [dict(zip(("records", "side", "shift", "counted"), row, strict=True)) for row in ROWS]
    with ProcessPoolExecutor(arguments.workers) as processes:
        for row, what in zip(ROWS, told, strict=True):
            if arguments.only not in f"{what['records']}/{what['counted']}/{what['shift']:g}":
                continue
            begun = time.monotonic()
            seeds = range(arguments.first, arguments.first + arguments.worlds)
            found = list(processes.map(one_world, [row] * len(seeds), seeds))
            seconds = round(time.monotonic() - begun, 1)
            measured = what | summary(found) | {"first seed": arguments.first, "seconds": seconds}
            rows = {tuple(one[key] for key in what): one for one in content["rows"]}
            rows[row] = measured
            content["rows"] = [rows[one] for one in ROWS if one in rows]
            arguments.out.write_text(json.dumps(content, indent=1) + "\n")
            print(json.dumps(measured), flush=True)


if __name__ == "__main__":
    main()
