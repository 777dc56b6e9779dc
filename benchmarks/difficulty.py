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
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.machine import machine
from threadpoolctl import threadpool_limits

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
    from pixleak.records.phantom import phantom
    from pixleak.signals.difficulty.backbones import backbone

    image = phantom(8, size=224, channels=3, seed=seed)[0].image
    return [stage[0] for stage in backbone("efficientnet-lite0").stages(image[None])]


def timed(name: str, stages: list[torch.Tensor], seed: int) -> dict[str, float]:
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

    begun = time.perf_counter()
    full = design.full().numpy()
    model = LinearRegression(tol=RCOND).fit(full[inside], targets.numpy()[inside])
    theirs = float(np.abs(model.predict(full[~inside]) - targets.numpy()[~inside]).mean())
    slow = time.perf_counter() - begun

    begun = time.perf_counter()
    columns = design.reduced()
    ours = split_error(columns, targets, fitted)
    quick = time.perf_counter() - begun

    begun = time.perf_counter()
    folds = drawn_folds(3136, 5, 0)
    ridge_error(columns, targets, folds, penalty=penalty_of(design, columns, 1e-3))
    ridge = time.perf_counter() - begun
    return {
        "sklearn": slow,
        "ours": quick,
        "ridge_5_folds": ridge,
        "ratio": slow / quick,
        "difference": abs(ours / theirs - 1),
        "columns": design.channels,
        "reduced": columns.shape[1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with threadpool_limits(threads):
            for name, make in (("wide-resnet-50-2 shapes", wide), ("efficientnet-lite0", lite)):
                rows = []
                for seed in range(given.repeats + 1):
                    row = timed(name, make(seed), seed)
                    if seed:  # the first one warms up
                        rows.append(row)
                spread = {
                    key: {
                        "median": statistics.median(row[key] for row in rows),
                        "min": min(row[key] for row in rows),
                        "max": max(row[key] for row in rows),
                    }
                    for key in rows[0]
                }
                found[f"{name}, {threads} thread{'s' if threads > 1 else ''}"] = spread
                ratio = spread["ratio"]
                print(
                    f"{name}, {threads}: {spread['sklearn']['median']:.3f} s -> "
                    f"{spread['ours']['median']:.3f} s, {ratio['median']:.1f} times "
                    f"[{ratio['min']:.1f}, {ratio['max']:.1f}], difference "
                    f"{spread['difference']['max']:.1e}",
                    flush=True,
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
