"""Dice of two label maps of a record, by which agreement is measured."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixleak.types import Bools, Floats, LabelTruth

Counts = NDArray[np.int64]


def joint_counts(first: Tensor, second: Tensor, kept: Tensor, classes: int) -> Counts:
    """(b, K, K) number of kept pixels by the first and the second map's label.

    Args:
        first: (b, h, w) labels.
        second: (b, h, w) labels.
        kept: (b, h, w) bool.
        classes: K.
    """
    records = torch.arange(len(first))[:, None, None]
    cells = (records * classes + first.long()) * classes + second.long()
    counts = torch.bincount(cells[kept], minlength=len(first) * classes**2)
    return np.asarray(counts.numpy().reshape(-1, classes, classes), dtype=np.int64)


def foreground_dice(counts: Counts, truth: LabelTruth, *, either: bool) -> tuple[Floats, Bools]:
    """(b,) mean Dice over foreground classes, and (b,) whether there is one.

    Args:
        counts: of :func:`joint_counts`.
        truth: what labels mean.
        either: whether a class counts that only the second map has; else those of the first.
    """
    first, second = counts.sum(axis=2), counts.sum(axis=1)
    present = (first + second if either else first) > 0
    if truth.background is not None:
        present[:, truth.background] = False
    dice = 2.0 * np.diagonal(counts, axis1=1, axis2=2) / np.maximum(first + second, 1)
    number = present.sum(axis=1)
    return np.where(present, dice, 0.0).sum(axis=1) / np.maximum(number, 1), number > 0
