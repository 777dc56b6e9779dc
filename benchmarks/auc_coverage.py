"""How often do the reported intervals hold the truth?

Draws samples from worlds whose AUC, best balanced accuracy and operating point are known, and
counts how often each interval holds them; beside them the plain percentile bootstrap of the AUC.
Then how often the blind baseline fails a fair split, by the permutation interval that it is judged
by and by the interval for independent scores. Writes benchmarks/results/auc_coverage.json.

    python benchmarks/auc_coverage.py [--repeats 200]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import norm
from support.machine import machine

from pixleak.evaluation.controls import permutation_interval
from pixleak.evaluation.statistics.intervals import (
    auc_interval,
    auc_replicates,
    sample_auc_interval,
)
from pixleak.evaluation.statistics.operating import operating_point, oracle_point
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import sample_of
from pixleak.records.base import Records
from pixleak.records.readers.phantom import phantom
from pixleak.signals.blind import blind_baseline

REPLICATES = 300
SEED = 0
SIZES = ((30, 30), (100, 100), (400, 400), (40, 200))
AREAS = (0.5, 0.8, 0.95, 0.99)
FAR = 4.0
"""How far the members that leak stand out in the world where few do."""


def normal(area, m, n, rng):
    """Equal spread."""
    return norm.ppf(area) * np.sqrt(2) + rng.normal(size=m), rng.normal(size=n), None


def wide(area, m, n, rng):
    """Members spread twice as far."""
    return norm.ppf(area) * np.sqrt(5) + 2 * rng.normal(size=m), rng.normal(size=n), None


def few(area, m, n, rng):
    """A share of the members stands far out, the others do not at all."""
    share = (area - 0.5) / (norm.cdf(FAR / np.sqrt(2)) - 0.5)
    return rng.normal(size=m) + FAR * (rng.random(m) < share), rng.normal(size=n), None


def subjects(area, m, n, rng):
    """Subjects of 1 to about 15 records, 4 on average, sharing half of the variance."""
    sides, units = [], []
    for name, records, shift in (("m", m, norm.ppf(area) * np.sqrt(2)), ("n", n, 0.0)):
        count = max(records // 4, 8)
        size = 1 + rng.poisson(3 * rng.gamma(1, 1, count))
        size[0] += max(10 - size.sum(), 0)
        unit = np.repeat(np.arange(count), size)
        sides.append(
            shift + (rng.normal(size=count)[unit] + rng.normal(size=len(unit))) / np.sqrt(2)
        )
        units += [f"{name}{u}" for u in unit]
    return sides[0], sides[1], units


def areas(repeats: int) -> list[dict[str, object]]:
    """Coverage of the AUC's interval, and of the percentile bootstrap."""
    rows = []
    for world in (normal, wide, few, subjects):
        for m, n in SIZES:
            for area in AREAS:
                if world is few and area > 0.95:
                    continue
                rng = np.random.default_rng((SEED, m, n, int(1000 * area)))
                ours, percentile, width = 0, 0, 0.0
                for repeat in range(repeats):
                    members, nonmembers, units = world(area, m, n, rng)
                    scores = np.concatenate([members, nonmembers])
                    member = np.arange(len(scores)) < len(members)
                    sample = sample_of(scores, member, units)
                    interval = sample_auc_interval(sample, replicates=REPLICATES, seed=repeat)
                    drawn = auc_replicates(sample, REPLICATES, np.random.default_rng(repeat))
                    low, high = np.quantile(drawn, [0.025, 0.975])
                    ours += interval.low <= area <= interval.high
                    percentile += low <= area <= high
                    width += interval.high - interval.low
                rows.append(
                    {
                        "world": world.__name__,
                        "members": m,
                        "nonmembers": n,
                        "auc": area,
                        "coverage": round(ours / repeats, 3),
                        "coverage_percentile": round(percentile / repeats, 3),
                        "mean_width": round(width / repeats, 4),
                    }
                )
    return rows


def points(repeats: int) -> list[dict[str, object]]:
    """Coverage of balanced accuracy at a fixed threshold and at the oracle's."""
    rows = []
    for n in (30, 100, 400):
        for distance in (0.0, 0.5, 1.5, 3.0, 4.5):
            rng = np.random.default_rng((SEED, n, int(10 * distance)))
            truth = float(norm.cdf(distance / 2))
            fixed = oracle = 0
            member = np.arange(2 * n) < n
            for repeat in range(repeats):
                scores = rng.normal(size=2 * n) + distance * member
                sample = sample_of(scores, member)
                best = oracle_point(
                    sample, roc_of(scores, member), replicates=REPLICATES, seed=repeat
                ).balanced_accuracy
                given = operating_point("shadow", sample, distance / 2).balanced_accuracy
                oracle += best.low <= truth <= best.high
                fixed += given.low <= truth <= given.high
            rows.append(
                {
                    "records_a_side": n,
                    "best_balanced_accuracy": round(truth, 3),
                    "coverage_oracle": round(oracle / repeats, 3),
                    "coverage_fixed": round(fixed / repeats, 3),
                }
            )
    return rows


def blind(repeats: int) -> list[dict[str, object]]:
    """How often the blind baseline fails a fair split of phantoms, by either interval."""
    rows = []
    for n in (30, 100):
        drawn = phantom(2 * n, size=32, seed=SEED)
        items = [(record.image, record.truth) for record in drawn]
        records = Records(drawn.keys, items.__getitem__, drawn.truth)
        areas, alone, permuted = [], [], []
        for repeat in range(repeats):
            member = np.random.default_rng((SEED, n, repeat)).permutation(np.arange(2 * n) < n)
            found = blind_baseline(records, member, seed=repeat)
            interval = auc_interval(found.scores, member, replicates=REPLICATES, seed=repeat)
            judged = permutation_interval(interval.value, found.null_aucs, level=0.95)
            areas.append(interval.value)
            alone.append(interval.low > 0.5)
            permuted.append(judged.low > 0.5)
        rows.append(
            {
                "records_a_side": n,
                "mean_auc": round(float(np.mean(areas)), 3),
                "fails_as_if_independent": round(float(np.mean(alone)), 3),
                "fails_by_permutation": round(float(np.mean(permuted)), 3),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    begun = time.process_time()
    found = {
        "command": f"python benchmarks/auc_coverage.py --repeats {repeats}",
        "machine": machine(),
        "seed": SEED,
        "repeats": repeats,
        "replicates": REPLICATES,
        "level": 0.95,
        "auc": areas(repeats),
        "balanced_accuracy": points(repeats),
        "blind_baseline_on_fair_splits": blind(repeats),
    }
    found["cpu_seconds"] = round(time.process_time() - begun, 1)
    path = Path(__file__).parent / "results" / "auc_coverage.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name in ("auc", "balanced_accuracy", "blind_baseline_on_fair_splits"):
        for row in found[name]:
            print(name, *row.values())
    print(f"{found['cpu_seconds']} s of CPU time, written to {path}")


if __name__ == "__main__":
    main()
