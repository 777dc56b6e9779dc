"""Difficulties from the true image's own pixels.

Idea: an image that changes little from pixel to pixel is easy for any generator::

    difficulty-total-variation  mean |difference of neighbouring pixels|         range
    difficulty-neighbours       mean |pixel - its prediction from 8 neighbours|  range
    difficulty-compression      bits per pixel and channel of the image as a PNG bit

The prediction is the least-squares one from the eight neighbours in all channels, fitted on the
image itself. The PNG is of 8-bit levels with zlib's strongest setting.

Source:
    pixleak; the linear predictor after Shafran 2021, arXiv:2102.07762, whose features are a deep
    network's; compressed size as a measure of complexity after Serrà et al., "Input complexity
    and out-of-distribution detection with likelihood-based generative models", ICLR 2020,
    arXiv:1909.11480.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from pixleak.core.tables import Floats, SignalInfo
from pixleak.signals.difficulty.base import Difficulty, RecordBatch, difficulty_info, true_images

RIDGE = 1e-6
"""Of the prediction from neighbours, relative to the mean squared column: for flat images."""


@dataclass(frozen=True, kw_only=True)
class TotalVariation(Difficulty):
    """Mean absolute difference of neighbouring pixels."""

    info: ClassVar[SignalInfo] = difficulty_info(
        "difficulty-total-variation",
        "total variation",
        "range",
        "mean absolute difference of neighbouring pixels of the true image",
        "pixleak",
    )
    usual: ClassVar = True

    def of(self, batch: RecordBatch) -> Floats:
        images = true_images(batch).double()
        across = (images[..., :, 1:] - images[..., :, :-1]).abs().flatten(1)
        down = (images[..., 1:, :] - images[..., :-1, :]).abs().flatten(1)
        return np.asarray(torch.cat([across, down], dim=1).mean(dim=1).numpy())


@dataclass(frozen=True, kw_only=True)
class Neighbours(Difficulty):
    """Mean absolute error of the best linear prediction from neighbouring pixels."""

    info: ClassVar[SignalInfo] = difficulty_info(
        "difficulty-neighbours",
        "prediction from neighbours",
        "range",
        "mean absolute error of the best linear prediction from the eight neighbouring pixels",
        "pixleak, after Shafran 2021, arXiv:2102.07762",
    )
    usual: ClassVar = True

    def of(self, batch: RecordBatch) -> Floats:
        images = true_images(batch).double()
        b, c, h, w = images.shape
        windows = functional.unfold(images, 3).view(b, c, 9, (h - 2) * (w - 2))
        centre = windows[:, :, 4].transpose(1, 2)
        around = windows[:, :, [0, 1, 2, 3, 5, 6, 7, 8]].flatten(1, 2).transpose(1, 2)
        around = around - around.mean(dim=1, keepdim=True)
        wanted = centre - centre.mean(dim=1, keepdim=True)
        gram = around.transpose(1, 2) @ around
        size = gram.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=1e-12)
        gram = gram + RIDGE * size[:, None, None] * torch.eye(8 * c, dtype=gram.dtype)
        weights = torch.linalg.solve(gram, around.transpose(1, 2) @ wanted)
        errors = (around @ weights - wanted).abs()
        return np.asarray(errors.flatten(1).mean(dim=1).numpy())


@dataclass(frozen=True, kw_only=True)
class Compression(Difficulty):
    """Size of the compressed image."""

    info: ClassVar[SignalInfo] = difficulty_info(
        "difficulty-compression",
        "compressed size",
        "bit/pixel",
        "bits per pixel and channel of the true image as a PNG",
        "pixleak, after Serrà 2020, arXiv:1909.11480",
    )
    usual: ClassVar = True

    def of(self, batch: RecordBatch) -> Floats:
        levels = (true_images(batch) * 255).round().clamp(0, 255).to(torch.uint8).numpy()
        return np.array([sum(map(_bits, image)) / image.size for image in levels])


def _bits(channel: np.ndarray) -> float:
    buffer = io.BytesIO()
    Image.fromarray(channel).save(buffer, "PNG", compress_level=9)
    return 8.0 * buffer.tell()
