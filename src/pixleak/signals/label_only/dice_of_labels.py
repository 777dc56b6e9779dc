"""Dice of two label maps of a record."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixleak.core.tables import Bools, Floats
from pixleak.core.truth import LabelTruth

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


def foreground_dice(counts: Counts, truth: LabelTruth) -> tuple[Floats, Bools]:
    """(b,) mean Dice over the first map's foreground classes, and (b,) whether there is one.

    Args:
        counts: of :func:`joint_counts`.
        truth: what labels mean.
    """
    present = counts.sum(axis=2) > 0
    if truth.background is not None:
        present[:, truth.background] = False
    return _mean_dice(counts, present), present.any(axis=1)


def every_dice(counts: Counts) -> tuple[Floats, Bools]:
    """(b,) mean Dice over all classes of either map, and (b,) whether there is a pixel at all."""
    present = (counts.sum(axis=1) + counts.sum(axis=2)) > 0
    return _mean_dice(counts, present), present.any(axis=1)


def _mean_dice(counts: Counts, present: Bools) -> Floats:
    total = np.where(present, counts.sum(axis=1) + counts.sum(axis=2), 1)
    dice = np.where(present, 2.0 * np.diagonal(counts, axis1=1, axis2=2) / total, 0.0)
    return np.asarray(dice.sum(axis=1) / np.maximum(present.sum(axis=1), 1))
