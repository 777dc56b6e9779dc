"""Small records in memory, for checks that train a model."""

from __future__ import annotations

import torch
from torch import Tensor

from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import RecordKey, Records


def bright_squares(
    count: int = 12, size: tuple[int, int] = (8, 8), channels: int = 1, seed: int = 0
) -> Records:
    """Noise with a brighter square, whose place is the truth: two classes, quickly learnt."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.rand(count, channels, *size, generator=generator)
    truths = torch.zeros(count, *size, dtype=torch.int64)
    for i in range(count):
        top, left = (int(torch.randint(0, side - 3, (1,), generator=generator)) for side in size)
        truths[i, top : top + 4, left : left + 4] = 1
    images += 0.6 * truths[:, None]
    return _records("r", images, truths, LabelTruth(2), "squares")


def smoothed_noise(count: int = 8, size: int = 16, channels: int = 2, seed: int = 0) -> Records:
    """Noise as input, and its smoothed mean over the channels as the image to make of it."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(count, channels, size, size, generator=generator)
    outputs = torch.nn.functional.avg_pool2d(inputs, 3, 1, 1).mean(dim=1, keepdim=True)
    return _records("p", inputs, outputs, ImageTruth(1), "smoothed noise")


def _records(prefix: str, images: Tensor, truths: Tensor, truth: Truth, name: str) -> Records:
    """Picklable, as worker processes need them."""
    pairs = list(zip(images, truths, strict=True))
    keys = [RecordKey(f"{prefix}{i}") for i in range(len(pairs))]
    return Records(keys, pairs.__getitem__, truth, name)
