"""Border bands: how far a pixel lies from the nearest label edge."""

from __future__ import annotations

import torch
from torch import Tensor

BANDS = ("at-border", "near-border", "inside")
"""Distance to the nearest pixel of another class: 1-2, 3-8, more than 8 pixels (Chebyshev)."""

AT_BORDER, NEAR_BORDER = 2, 8


def _running_max(values: Tensor, reach: int, done: int = 0) -> Tensor:
    """Maximum over the square of ``reach`` pixels to each side, cut off at the image's frame.

    Windows grow by joining shifted ones, one axis after the other.

    Args:
        values: (b, h, w) integer maxima over the square of ``done`` pixels to each side.
        reach: how far to look in the end.
        done: how far ``values`` look already.
    """
    for axis in (1, 2):
        reached, size = done, values.shape[axis]
        while reached < min(reach, size - 1):
            # A longer step would skip pixels next to the frame, where one neighbour is missing.
            step = min(reach - reached, reached + 1, size - 1)
            grown = values.clone()
            head, tail = grown.narrow(axis, 0, size - step), grown.narrow(axis, step, size - step)
            torch.maximum(head, values.narrow(axis, step, size - step), out=head)
            torch.maximum(tail, values.narrow(axis, 0, size - step), out=tail)
            values, reached = grown, reached + step
    return values


def border_bands(labels: Tensor, valid: Tensor | None = None) -> Tensor:
    """The band of every pixel: 0 at the border, 1 near it, 2 inside.

    Args:
        labels: (b, h, w) int64 class labels, from 0.
        valid: (b, h, w) bool, or None where all are; ignored pixels form no edge, and get the
            band that the labels around them imply.

    Returns:
        (b, h, w) uint8.
    """
    top = int(labels.max())  # twice this, and two more, must fit
    small = labels.to(torch.uint8 if top < 127 else torch.int16)
    # The smallest label around is the largest of the reversed labels; ignored pixels are made
    # the smallest in both, so that they never win.
    high, low = small, top - small
    if valid is not None:
        high, low = (high + 1) * valid, (low + 1) * valid
    offset = top if valid is None else top + 2
    bands = torch.zeros(labels.shape, dtype=torch.uint8)
    done = 0
    for reach in (AT_BORDER, NEAR_BORDER):
        high, low = _running_max(high, reach, done), _running_max(low, reach, done)
        done = reach
        bands += (high + low == offset).to(torch.uint8)
    return bands
