"""How long scoring and evaluating take at scale, each against its naive twin in the same run.

    python benchmarks/speed.py

Scoring: the default attack with 64 references on 100,000 records and 20 signals, classifier
included; the twin forms every residual by plain loops over victims, references and signals, on 500
records, scaled up. Evaluating: ROC, all rates with intervals and tests, and 1,000 bootstrap
replicates of 100,000 scores; the twin sorts anew for each replicate (scikit-learn's roc_auc_score),
20 of them, scaled up. Writes benchmarks/results/speed.json.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from support.machine import machine

from pixleak.attacks import ATTACKS
from pixleak.core.tables import ReferenceTable, Scores, SignalInfo, SignalTable
from pixleak.evaluation.evaluate import evaluate_scores

RECORDS, MODELS, SIGNALS, FEW, REPEATS = 100_000, 64, 20, 500, 5


def tables(records: int) -> tuple[SignalTable, ReferenceTable, np.ndarray]:
    generator = np.random.default_rng(0)
    member = np.zeros((MODELS + 1, records), dtype=bool)
    for first in range(0, MODELS, 2):
        member[first] = generator.random(records) < 0.5
        member[first + 1] = ~member[first]
    member[MODELS] = generator.random(records) < 0.5
    values = generator.normal(size=(MODELS + 1, records, SIGNALS))
    values += 0.3 * member[:, :, None]
    infos = tuple(SignalInfo(name=f"s{k}", unit="1", members_are="higher") for k in range(SIGNALS))
    ids = tuple(str(j) for j in range(records))
    every = np.ones((MODELS, records, SIGNALS), dtype=bool)
    models = tuple(f"m{i}" for i in range(MODELS))
    return (
        SignalTable(ids, values[MODELS], infos, every[0]),
        ReferenceTable(ids, models, values[:MODELS], infos, every, member[:MODELS]),
        member[MODELS],
    )


def naive_residuals(reference: ReferenceTable) -> None:
    """Means and deviations of both sides for every victim, one number at a time."""
    models, records, signals = reference.values.shape
    for victim in range(models):
        rest = [i for i in range(models) if i not in (victim, victim ^ 1)]
        for j in range(records):
            for held in (False, True):
                side = [i for i in rest if reference.member[i, j] == held]
                for k in range(signals):
                    column = [reference.values[i, j, k] for i in side]
                    mean = sum(column) / len(column)
                    sum((v - mean) ** 2 for v in column)


def in_a_process(work: Any) -> Any:
    """Alone in a fresh process, so that its peak memory is its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(work)


def scoring() -> dict[str, Any]:
    observed, reference, _ = tables(RECORDS)
    attack = ATTACKS["learned-residuals"]()
    times = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        attack.score(observed, reference)
        times.append(time.perf_counter() - begun)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, few, _ = tables(FEW)
    begun = time.perf_counter()
    # One record in fifty, and one victim's share of the work of all.
    naive_residuals(
        ReferenceTable(
            few.ids[:10],
            few.models,
            few.values[:, :10],
            few.infos,
            few.measured[:, :10],
            few.member[:, :10],
        )
    )
    naive = (time.perf_counter() - begun) * RECORDS / 10
    return {
        "records": RECORDS,
        "models": MODELS,
        "signals": SIGNALS,
        "seconds": sorted(times),
        "naive_seconds_scaled_up": naive,
        "tables_gb": reference.values.nbytes / 1e9,
        "peak_gb_with_the_tables": after / 1e6,
    }


def evaluating() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    member = np.arange(RECORDS) % 2 == 0
    values = generator.normal(size=RECORDS) + 0.3 * member
    ids = tuple(str(j) for j in range(RECORDS))
    scores = Scores(ids, values, np.ones(RECORDS, dtype=bool), "a", "s")
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        result = evaluate_scores(scores, member, replicates=1000)
        times.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    begun = time.perf_counter()
    for _ in range(20):
        rows = generator.integers(0, RECORDS, RECORDS)
        roc_auc_score(member[rows], values[rows])
    # The AUC's bootstrap, and the best threshold's.
    naive = (time.perf_counter() - begun) * 1000 / 20 * 2
    return {
        "records": RECORDS,
        "replicates": 1000,
        "seconds": sorted(times),
        "naive_seconds_scaled_up": naive,
        "peak_gb": peak,
        "auc": [result.auc.value, result.auc.low, result.auc.high],
    }


def main() -> None:
    content = {
        "machine": machine(),
        "scoring": in_a_process(scoring),
        "evaluating": in_a_process(evaluating),
    }
    path = Path(__file__).parent / "results" / "speed.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
