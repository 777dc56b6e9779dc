"""Descriptors that say what a picture shows, whatever its brightness, contrast and encoding.

The grey image is averaged to 16 x 16, its cosine coefficients without the first one (the mean
brightness) are divided by their length. The distance of two pictures is one minus the correlation
of their averaged images::

    D = 1 - x . y = |x - y|^2 / 2          0 for the same picture, 1 for unrelated ones
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dctn

from pixleak.core.tables import Bools
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records

_GRID, _LOW = 16, 8
LOW = _LOW * _LOW - 1
"""The first columns of a descriptor, which hold its lowest frequencies."""

BLANK_CONTRAST = 0.01
"""A picture whose averaged image varies less, as a share of the range of the set, is blank."""


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Descriptors of n pictures.

    Args:
        values: (n, 255) of unit length, lowest frequencies first; zero for blank pictures.
        blank: (n,) bool, pictures without content, such as empty slices.
    """

    values: NDArray[np.float32]
    blank: Bools


def describe_pictures(records: Records) -> Descriptors:
    """Descriptors in the order of the records; records of generators by their true output."""
    labelled = isinstance(records.truth, LabelTruth)
    grids = np.empty((len(records), _GRID, _GRID), dtype=np.float32)
    for i, record in enumerate(records):
        picture = record.image if labelled else record.truth
        grey = picture.float().mean(dim=0, keepdim=True)[None]
        grids[i] = torch.nn.functional.adaptive_avg_pool2d(grey, _GRID)[0, 0].numpy()
    span = float(grids.max() - grids.min())
    contrast = grids.std(axis=(1, 2), dtype=np.float64)
    blank: Bools = contrast <= BLANK_CONTRAST * span
    centred = grids - grids.mean(axis=(1, 2), keepdims=True)
    spectrum = dctn(centred, axes=(1, 2), norm="ortho")
    low = np.zeros((_GRID, _GRID), dtype=bool)
    low[:_LOW, :_LOW] = True
    values = np.concatenate([spectrum[:, low][:, 1:], spectrum[:, ~low]], axis=1)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    values = np.where(blank[:, None], 0.0, values / np.where(length > 0, length, 1.0))
    return Descriptors(values.astype(np.float32), blank)
