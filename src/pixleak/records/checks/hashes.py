"""Perceptual hashes, which propose pairs of images that could show the same thing.

The hash says which of the 63 lowest cosine coefficients of a 32 x 32 grey thumbnail exceed their
median; small changes of brightness, noise or encoding flip few of its bits.

Source:
    Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010 (its
    DCT hash).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dctn

from pixleak.core.tables import Floats
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records

_THUMBNAIL, _COEFFICIENTS, _BATCH, _ROWS, _PAIRS = 32, 8, 32, 512, 4096


@dataclass(frozen=True, eq=False)
class Looks:
    """Thumbnails and hashes of n images.

    Args:
        shape: (c, h, w) of the images; of the last where they differ in size.
        thumbnails: (n, 1024) grey, brightness 0..1.
        signs: (n, 63) -1 or 1.
        contrast: (n,) standard deviation of the thumbnail.
    """

    shape: tuple[int, ...]
    thumbnails: NDArray[np.float32]
    signs: NDArray[np.float32]
    contrast: Floats

    @property
    def low(self) -> float:
        """Smallest value of a thumbnail."""
        return float(self.thumbnails.min())

    @property
    def high(self) -> float:
        """Largest value of a thumbnail."""
        return float(self.thumbnails.max())


def look(records: Records) -> Looks:
    """Thumbnails and hashes, in the order of the records.

    Records of generators are compared by their true output, because the channels of a one-hot input
    add up to the same value everywhere.
    """
    shape: tuple[int, ...] = ()
    parts = []
    for batch in records.batches(_BATCH):
        images = batch.images if isinstance(records.truth, LabelTruth) else batch.truths
        shape = tuple(images.shape[1:])
        grey = images.mean(dim=1, keepdim=True)
        small = torch.nn.functional.adaptive_avg_pool2d(grey, _THUMBNAIL)
        parts.append(small[:, 0].numpy())
    thumbnails = np.concatenate(parts)
    low = dctn(thumbnails, axes=(1, 2), norm="ortho")[:, :_COEFFICIENTS, :_COEFFICIENTS]
    # The first coefficient is the mean brightness, which does not depend on what is shown.
    low = low.reshape(len(thumbnails), -1)[:, 1:]
    signs = np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)
    contrast = thumbnails.std(axis=(1, 2), dtype=np.float64)
    return Looks(shape, thumbnails.reshape(len(thumbnails), -1), signs, contrast)


def unit_of_brightness(first: Looks, second: Looks) -> float:
    """What differences are divided by, so that thresholds for images in 0..1 hold.

    1 for images whose thumbnails lie in 0..1 and use a twentieth of that at least. Images that were
    normalised, or are bytes or Hounsfield units, are measured in units of their common range.
    """
    low, high = min(first.low, second.low), max(first.high, second.high)
    if low >= -0.01 and high <= 1.01 and high - low >= 0.05:
        return 1.0
    return high - low if high > low else 1.0


def close_pairs(first: Looks, second: Looks, radius: int, rms: float) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) whose pixels should be compared.

    Args:
        first: n images.
        second: m images.
        radius: largest Hamming distance of the hashes.
        rms: largest root mean square pixel difference of interest. Averaging can only lessen a
            difference, so pairs whose thumbnails differ by more are left out.
    """
    bits = first.signs.shape[1]
    for start in range(0, len(first.signs), _ROWS):
        agreement = first.signs[start : start + _ROWS] @ second.signs.T
        i, j = np.nonzero((bits - agreement) / 2 <= radius)
        for at in range(0, len(i), _PAIRS):
            rows, columns = i[at : at + _PAIRS] + start, j[at : at + _PAIRS]
            difference = first.thumbnails[rows] - second.thumbnails[columns]
            # Windows that do not divide the image overlap, hence the margin.
            near = np.sqrt((difference**2).mean(axis=1)) <= 1.25 * rms
            yield from zip(rows[near].tolist(), columns[near].tolist(), strict=True)
