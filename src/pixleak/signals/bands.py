"""Border bands: how far a pixel lies from the nearest label edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Small = NDArray[np.uint8] | NDArray[np.int16]

BANDS = ("at-border", "near-border", "inside")
"""Distance to the nearest pixel of another class: 1-2, 3-8, more than 8 pixels (Chebyshev)."""

AT_BORDER, NEAR_BORDER = 2, 8


def border_bands(labels: Small, valid: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """The band of every pixel: 0 at the border, 1 near it, 2 inside.

    A pixel lies within r of an edge where the largest and the smallest label of the square of
    r pixels to each side differ. The maxima run over one flat array for the whole batch, in
    which rows and images are kept r pixels apart.

    Args:
        labels: (b, h, w) class labels from 0, in a small integer type (the smaller the faster).
        valid: (b, h, w) bool, or None where all are; ignored pixels form no edge, and get the
            band that the labels around them imply.

    Returns:
        (b, h, w) uint8.
    """
    b, h, w = labels.shape
    top = int(labels.max())
    if top > 120:  # twice this, and two more, must fit
        labels = labels.astype(np.int16)
    # The smallest label is the largest of the reversed ones. 0 stands for "nothing here".
    high, low = labels + 1, top + 1 - labels
    if valid is not None:
        high, low = high * valid, low * valid
    pitch = w + NEAR_BORDER
    lead = NEAR_BORDER * pitch + NEAR_BORDER
    body = b * (h + NEAR_BORDER) * pitch
    apart = np.zeros((2, lead + body + lead), dtype=labels.dtype)
    rows = apart[:, lead : lead + body].reshape(2, b, h + NEAR_BORDER, pitch)
    rows[0, :, :h, :w], rows[1, :, :h, :w] = high, low

    bands = np.zeros((b, h, w), dtype=np.uint8)
    windows, done = apart, 0
    for reach in (AT_BORDER, NEAR_BORDER):
        windows = _windows(_windows(windows, done, reach, 1), done, reach, pitch)
        done = reach
        start = lead - reach * pitch - reach  # windows begin at their upper left corner
        same = (windows[0] + windows[1] == top + 2)[start : start + body]
        bands += same.reshape(b, h + NEAR_BORDER, pitch)[:, :h, :w]
    return bands


def _windows(values: Small, done: int, reach: int, stride: int) -> Small:
    """Maxima over windows of 2 reach + 1 numbers, from those of 2 done + 1; both start there."""
    width, wanted = 2 * done + 1, 2 * reach + 1
    while width < wanted:
        step = min(width, wanted - width)
        values = np.maximum(values[:, : -step * stride], values[:, step * stride :])
        width += step
    return values
