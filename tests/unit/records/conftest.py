"""Tiny sets of records, in memory and on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import RecordKey, Records


@dataclass(frozen=True)
class _Held:
    images: Tensor
    truths: Tensor

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.truths[index]


@pytest.fixture
def held() -> Callable[..., Records]:
    """Records of tensors held in memory."""

    def make(
        images: Tensor,
        truths: Tensor,
        truth: Truth | None = None,
        *,
        subjects: Sequence[str | None] | None = None,
        groups: Sequence[str | None] | None = None,
        name: str = "held",
    ) -> Records:
        keys = [
            RecordKey(
                f"r{i}",
                None if subjects is None else subjects[i],
                None if groups is None else groups[i],
            )
            for i in range(len(images))
        ]
        return Records(keys, _Held(images, truths), truth or LabelTruth(2), name)

    return make


@pytest.fixture
def keyed(held: Callable[..., Records]) -> Callable[..., Records]:
    """Records of which only the keys matter."""

    def make(
        count: int,
        subjects: Sequence[str | None] | None = None,
        groups: Sequence[str | None] | None = None,
    ) -> Records:
        blank = torch.zeros(count, 1, 2, 2)
        return held(
            blank, torch.zeros(count, 2, 2, dtype=torch.int64), subjects=subjects, groups=groups
        )

    return make


@pytest.fixture
def save() -> Callable[[Path, object], Path]:
    """Write an array, or a Pillow image, as an image file."""

    def write(path: Path, pixels: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels))
        image.save(path)
        return path

    return write
