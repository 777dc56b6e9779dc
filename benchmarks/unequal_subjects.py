"""Do tests and intervals hold where attacks are many, and subjects of unequal sizes?

Two tables. The first counts how often the interval of the strongest of several attacks covers its
true AUC: its own interval, and the one that holds for all attacks together. The second counts how
often the test of the AUC by subject finds a planted AUC, and nothing where there is nothing, for
subjects of equal and of unequal numbers of records; beside it the test of a whole set. Writes
benchmarks/results/unequal_subjects.json.

    python benchmarks/unequal_subjects.py [--worlds 300]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.stats import norm
from support.machine import machine

from pixleak.core.tables import Scores
from pixleak.evaluation.permutation_test import permutation_test
from pixleak.evaluation.statistics.intervals import auc_interval
from pixleak.evaluation.statistics.rates import clopper_pearson
from pixleak.evaluation.statistics.sample import sample_of
from pixleak.evaluation.statistics.significance import auc_p_value
from pixleak.evaluation.statistics.simultaneous import simultaneous_intervals

SEED = 0
TRUE_AUC = 0.6
RECORDS = 60
LEVEL = 0.05
ATTACKS = (8, 20)
CORRELATIONS = (0.0, 0.6, 0.9)
AREAS = (0.5, 0.6, 0.7, 0.85)
SIZES = {
    "equal: 10 x 10 against 10 x 10": ([10] * 10, [10] * 10),
    "10 x 20 against 10 x 2": ([20] * 10, [2] * 10),
    "10 x 2 against 10 x 20": ([2] * 10, [20] * 10),
    "20 x 5 against 40 x 1": ([5] * 20, [1] * 40),
    "one member subject with 100 records, others 5": ([100] + [5] * 14, [5] * 15),
    "120 x 3 against 120 x 1": ([3] * 120, [1] * 120),
}


def share(hits: list[bool]) -> dict[str, float | int]:
    """Successes of trials with their interval."""
    bounds = clopper_pearson(sum(hits), len(hits))
    return {
        "successes": int(sum(hits)),
        "trials": len(hits),
        "low": round(bounds.low, 3),
        "high": round(bounds.high, 3),
    }


def coverage(worlds: int) -> list[dict[str, object]]:
    """How often the interval of the strongest attack covers."""
    rows: list[dict[str, object]] = []
    member = np.arange(2 * RECORDS) < RECORDS
    ids = tuple(map(str, range(2 * RECORDS)))
    shift = norm.ppf(TRUE_AUC) * np.sqrt(2) * member
    for attacks in ATTACKS:
        for rho in CORRELATIONS:
            rng = np.random.default_rng(SEED)
            own, together, excess = [], [], []
            for world in range(worlds):
                shared = rng.normal(size=2 * RECORDS)
                scores = [
                    np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=len(ids)) + shift
                    for _ in range(attacks)
                ]
                found = simultaneous_intervals(
                    [
                        Scores(
                            ids=ids,
                            values=one,
                            measured=np.ones(len(ids), dtype=bool),
                            attack="a",
                            signal="s",
                        )
                        for one in scores
                    ],
                    member,
                    replicates=500,
                    seed=world,
                )
                best = max(range(attacks), key=lambda i: found[i].value)
                alone = auc_interval(scores[best], member, replicates=500, seed=world)
                together.append(found[best].low <= TRUE_AUC <= found[best].high)
                own.append(alone.low <= TRUE_AUC <= alone.high)
                excess.append(found[best].value - TRUE_AUC)
            rows.append(
                {
                    "attacks": attacks,
                    "correlation": rho,
                    "bias": round(float(np.mean(excess)), 3),
                    "own_interval": share(own),
                    "simultaneous_interval": share(together),
                }
            )
    return rows


def power(worlds: int) -> list[dict[str, object]]:
    """How often a planted AUC is found by subject."""
    rows: list[dict[str, object]] = []
    for name, sides in SIZES.items():
        for area in AREAS:
            rng = np.random.default_rng(SEED)
            by_auc, by_set = [], []
            for world in range(worlds):
                scores, member, units = [], [], []
                for side, sizes in zip((True, False), sides, strict=True):
                    for k, size in enumerate(sizes):
                        own = rng.normal() + rng.normal(size=size)
                        scores += (own / np.sqrt(2) + norm.ppf(area) * np.sqrt(2) * side).tolist()
                        member += [side] * size
                        units += [f"{side}-{k}"] * size
                given = np.array(scores), np.array(member)
                by_auc.append(auc_p_value(sample_of(*given, units), world) <= LEVEL)
                test = permutation_test(*given, units=units, permutations=199, seed=world)
                by_set.append(test.p_value <= LEVEL)
            rows.append(
                {
                    "subjects": name,
                    "auc": area,
                    "auc_test": share(by_auc),
                    "set_test": share(by_set),
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=300)
    worlds = parser.parse_args().worlds
    begun = time.process_time()
    found = {
        "command": f"python benchmarks/unequal_subjects.py --worlds {worlds}",
        "machine": machine(),
        "seed": SEED,
        "worlds": worlds,
        "strongest_of_several": coverage(worlds),
        "subjects_of_unequal_sizes": power(worlds),
    }
    found["cpu_seconds"] = round(time.process_time() - begun, 1)
    path = Path(__file__).parent / "results" / "unequal_subjects.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{found['cpu_seconds']} s of CPU time, written to {path}")


if __name__ == "__main__":
    main()
