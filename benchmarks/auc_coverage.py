"""How often do the reported intervals hold the truth?

Draws samples from worlds whose AUC, best balanced accuracy and operating point are known, and
counts how often each interval holds them; beside them the plain percentile bootstrap of the AUC.
Then the out-of-fold AUC of a classifier that has nothing to learn (which is how the blind baseline
is judged). Writes benchmarks/results/auc_coverage.json.

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
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from pixleak.evaluation.intervals import auc_interval, auc_replicates, interval_of
from pixleak.evaluation.operating import operating_point, oracle_point
from pixleak.evaluation.roc import roc_of
from pixleak.evaluation.sample import sample_of

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
                    interval = interval_of(sample, replicates=REPLICATES, seed=repeat)
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
    """Out-of-fold AUC of a logistic regression on pure noise."""
    rows = []
    for n in (30, 100):
        rng = np.random.default_rng((SEED, n))
        found = []
        member = np.arange(2 * n) < n
        for repeat in range(repeats):
            folds = StratifiedKFold(5, shuffle=True, random_state=repeat)
            scores = cross_val_predict(
                LogisticRegression(), rng.normal(size=(2 * n, 10)), member, cv=folds,
                method="decision_function",
            )  # fmt: skip
            found.append(auc_interval(scores, member, replicates=REPLICATES, seed=repeat))
        rows.append(
            {
                "records_a_side": n,
                "features": 10,
                "mean_auc": round(float(np.mean([f.value for f in found])), 3),
                "interval_above_half": round(float(np.mean([f.low > 0.5 for f in found])), 3),
                "interval_below_half": round(float(np.mean([f.high < 0.5 for f in found])), 3),
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
        "seed": SEED,
        "repeats": repeats,
        "replicates": REPLICATES,
        "level": 0.95,
        "auc": areas(repeats),
        "balanced_accuracy": points(repeats),
        "blind_baseline_on_noise": blind(repeats),
    }
    found["cpu_seconds"] = round(time.process_time() - begun, 1)
    path = Path(__file__).parent / "results" / "auc_coverage.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name in ("auc", "balanced_accuracy", "blind_baseline_on_noise"):
        for row in found[name]:
            print(name, *row.values())
    print(f"{found['cpu_seconds']} s of CPU time, written to {path}")


if __name__ == "__main__":
    main()
