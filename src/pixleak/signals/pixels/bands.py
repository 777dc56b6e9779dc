"""Border bands: how far a pixel lies from the nearest label edge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Small = NDArray[np.uint8] | NDArray[np.int16]

BANDS = ("at-border", "near-border", "inside")
"""Distance to the nearest pixel of another class: 1-2, 3-8, more than 8 pixels (Chebyshev)."""

AT_BORDER, NEAR_BORDER = 2, 8


def border_bands(labels: Small, valid: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """The band of every pixel: 0 at the border, 1 near it, 2 inside.

    A pixel lies within r of an edge where the square of r pixels to each side holds two labels.
    The squares run over one flat array for the whole batch, in which rows and images are kept
    apart, and grow by joining shifted ones.

    Args:
        labels: (b, h, w) class labels from 0, in a small integer type (the smaller the faster).
        valid: (b, h, w) bool, or None where all are; ignored pixels form no edge, and get the
            band that the labels around them imply.

    Returns:
        (b, h, w) uint8.
    """
    b, h, w = labels.shape
    top = int(labels.max())
    layers: tuple[NDArray[Any], ...]
    join: np.ufunc
    if top < 8:
        # Which labels a square holds, a bit each.
        layers = (np.left_shift(np.uint8(1), labels, dtype=np.uint8),)
        join = np.bitwise_or
    else:
        # The largest and, as the largest of the reversed ones, the smallest label of a square;
        # int16, since their sum must fit. 0 stands for "nothing here".
        large = labels.astype(np.int16)
        layers = (large + 1, top + 1 - large)
        join = np.maximum
    if valid is not None:
        layers = tuple(layer * valid for layer in layers)
    pitch = w + NEAR_BORDER
    lead = NEAR_BORDER * pitch + NEAR_BORDER
    body = b * (h + NEAR_BORDER) * pitch
    apart = np.zeros((len(layers), lead + body + lead), dtype=layers[0].dtype)
    rows = apart[:, lead : lead + body].reshape(-1, b, h + NEAR_BORDER, pitch)
    for row, layer in zip(rows, layers, strict=True):
        row[:, :h, :w] = layer

    bands = np.zeros((b, h, w), dtype=np.uint8)
    squares, done = apart, 0
    for reach in (AT_BORDER, NEAR_BORDER):
        squares = _joined(_joined(squares, done, reach, 1, join), done, reach, pitch, join)
        done = reach
        held = squares[0]
        one = (held & (held - 1)) == 0 if top < 8 else held + squares[1] == top + 2
        start = lead - reach * pitch - reach  # squares begin at their upper left corner
        one = one[start : start + body].reshape(b, h + NEAR_BORDER, pitch)
        bands += one[:, :h, :w]
    return bands


def _joined(values: Small, done: int, reach: int, stride: int, join: np.ufunc) -> Small:
    """Windows of 2 reach + 1 joined numbers from those of 2 done + 1, each from its start on."""
    width, wanted = 2 * done + 1, 2 * reach + 1
    while width < wanted:
        step = min(width, wanted - width)
        values = join(values[:, : -step * stride], values[:, step * stride :])
        width += step
    return values
