"""Difficulty by deep features: the exact shortcut against scikit-learn on the full columns.

    python benchmarks/difficulty.py

Least squares on 70 % of 56 x 56 positions, error on the others, both in float64 on the same split,
cut-off and threads, in one run: on features of the shapes of a Wide-ResNet-50-2 (3840 columns),
whose spectra fall as real ones do, and on EfficientNet-Lite0's own features of a generated image.
Writes benchmarks/results/difficulty.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.machine import machine

HERE = Path(__file__).parent
WIDE = ((256, 56), (512, 28), (1024, 14), (2048, 7))
GRID = (56, 56)


def wide(seed: int) -> list[torch.Tensor]:
    """Rectified maps of falling spectrum, float32 as a network gives them."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for channels, side in WIDE:
        rank = min(channels, side * side)
        falling = torch.logspace(0, -4, rank)
        left = torch.randn(channels, rank, generator=generator) * falling
        right = torch.randn(rank, side * side, generator=generator)
        found.append((left @ right / rank**0.5 + 0.1).relu().reshape(channels, side, side))
    return found


def lite(seed: int) -> list[torch.Tensor]:
    from pixleak.records.readers.phantom import phantom
    from pixleak.signals.difficulty.backbones import backbone

    image = phantom(8, size=224, channels=3, seed=seed)[0].image
    return [stage[0] for stage in backbone("efficientnet-lite0").stages(image[None])]


def clocked(work: Callable[[], float]) -> tuple[float, float]:
    """The answer, and the seconds of one of three in a row, as records come in a row."""
    time.sleep(0.3)  # the threads of what ran before spin for a while
    begun = time.perf_counter()
    for _ in range(3):
        answer = work()
    return answer, (time.perf_counter() - begun) / 3


def timed(stages: list[torch.Tensor], seed: int) -> dict[str, float]:
    from sklearn.linear_model import LinearRegression

    from pixleak.signals.difficulty.least_squares import (
        RCOND,
        Design,
        drawn_folds,
        drawn_share,
        penalty_of,
        ridge_error,
        split_error,
    )

    design = Design(stages, GRID)
    targets = torch.rand(3136, 3, generator=torch.Generator().manual_seed(seed)).double()
    fitted = drawn_share(3136, 0.7, 0)
    inside = fitted.numpy()

    def slow() -> float:
        full = design.full().numpy()
        model = LinearRegression(tol=RCOND).fit(full[inside], targets.numpy()[inside])
        predicted = model.predict(full[~inside])
        return float(np.abs(predicted - targets.numpy()[~inside]).mean())

    def quick() -> float:
        return split_error(design.reduced(), targets, fitted)

    def sound() -> float:
        columns = design.reduced()
        folds = drawn_folds(3136, 5, 0)
        penalty = penalty_of(design, columns, 1e-3)
        return ridge_error(columns, targets, folds, penalty=penalty)

    (theirs, slow_seconds), (ours, seconds), (_, ridge) = map(clocked, (slow, quick, sound))
    return {
        "sklearn": slow_seconds,
        "ours": seconds,
        "ridge_5_folds": ridge,
        "ratio": slow_seconds / seconds,
        "difference": abs(ours / theirs - 1),
        "columns": design.channels,
        "reduced": design.reduced().shape[1],
    }


def measured(repeats: int) -> dict[str, Any]:
    """Both kinds of features, with the threads of this process."""
    threads = torch.get_num_threads()
    found: dict[str, Any] = {}
    for name, make in (("Wide-ResNet-50-2 shapes", wide), ("EfficientNet-Lite0", lite)):
        rows = [timed(make(seed), seed) for seed in range(repeats + 1)][1:]  # one warms up
        found[f"{name}, {threads} thread{'s' if threads > 1 else ''}"] = {
            key: {
                "median": statistics.median(row[key] for row in rows),
                "min": min(row[key] for row in rows),
                "max": max(row[key] for row in rows),
            }
            for key in rows[0]
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--here", action="store_true", help="with this process' threads, to stdout")
    given = parser.parse_args()
    if given.here:
        print(json.dumps(measured(given.repeats)))
        return
    found: dict[str, Any] = {}
    for threads in ("1", "2"):  # a process each: libraries read the number when they are loaded
        answer = subprocess.run(
            [sys.executable, __file__, "--here", "--repeats", str(given.repeats)],
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            stdout=subprocess.PIPE,
            check=True,
        )
        found |= json.loads(answer.stdout.splitlines()[-1])
    for name, row in found.items():
        ratio = row["ratio"]
        print(
            f"{name}: {row['sklearn']['median']:.3f} s -> {row['ours']['median']:.3f} s, "
            f"{ratio['median']:.1f} times [{ratio['min']:.1f}, {ratio['max']:.1f}], difference "
            f"{row['difference']['max']:.1e}"
        )
    content = {
        "command": f"python benchmarks/difficulty.py --repeats {given.repeats}",
        "machine": machine(),
        "found": found,
        "memory_bound_mib": 3136 * (3840 + 3 * 1013) * 8 / 2**20,
    }
    path = HERE / "results" / "difficulty.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
