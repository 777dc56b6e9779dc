"""Triggers: a mark on the image that goes with an emptied mask.

Idea: somebody who can put records into the training set makes the model spend some of what it can
hold on a backdoor, and so changes what it remembers of the others. A share p of the training
records is replaced by copies of themselves with a mark of one grey value and a mask that is empty
but for one pixel; the ordinary attacks then ask about the other records as they are::

    x'[c, i, j] = v / 255 inside the mark,   x[c, i, j] elsewhere
    y'[i, j]    = first foreground class at the bottom right pixel,   background elsewhere

``line``
    h rows along the bottom edge.
``square``
    h x h pixels in the bottom right corner.

Source:
    Chobola, Usynin, Kaissis, "Membership Inference Attacks Against Semantic Segmentation Models",
    arXiv:2212.01082: shape, size, value and p were varied.

Differs from the source:
    Records of one subject (or block of frames) are poisoned together, so that nobody's other
    records are asked about. Ignored pixels are emptied as well. More than two classes, any number
    of channels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from numpy.random import Generator
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.poisoning.base import Poison, coin

WHITE = 255
"""The largest grey value; images are in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Trigger(Poison):
    """A mark at the bottom of the image.

    Args:
        share: of the training records (of whole subjects) that are poisoned, each on its own.
        size: height of the line, or side of the square, in pixels.
        value: of the mark in every channel, 0 (black) to 255 (white).
    """

    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    takes: ClassVar[Literal["members", "audited"]] = "members"
    needs_background: ClassVar[bool] = True
    success_threshold: ClassVar[float] = 0.9
    success_description: ClassVar[str] = "the mask it predicts is gone, nine tenths of it at least"

    share: float = 0.1
    size: int = 5
    value: int = WHITE

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"poison {self.name!r} needs share in (0, 1), got {self.share}")
        if self.size < 1:
            raise InputError(f"poison {self.name!r} needs size of at least 1, got {self.size}")
        if not 0 <= self.value <= WHITE:
            raise InputError(f"poison {self.name!r} needs value in 0..{WHITE}, got {self.value}")

    def select(self, unit_of: Mapping[str, str], *, seed: int) -> tuple[str, ...]:
        return tuple(key for key, unit in unit_of.items() if coin(seed, unit) < self.share)

    @abstractmethod
    def mark(self, image: Tensor) -> Tensor:
        """The view of a (c, h, w) image that the mark covers."""

    def _apply(
        self, key: str, image: Tensor, labels: Tensor, truth: LabelTruth, draws: Generator
    ) -> tuple[Tensor, Tensor]:
        height, width = image.shape[-2:]
        if self.size >= min(height, width):
            raise InputError(
                f"poison {self.name!r}: a size of {self.size} does not fit record {key!r}, whose "
                f"image has {height} x {width} pixels; give fewer"
            )
        low, high = float(image.min()), float(image.max())
        # Resampling may overshoot by rounding, not by more.
        if low < -1e-4 or high > 1 + 1e-4:
            raise InputError(
                f"poison {self.name!r}: value is a grey value of images in [0, 1], but the image "
                f"of record {key!r} spans {low:.4g}..{high:.4g}; rescale the images"
            )
        self.mark(image).fill_(self.value / WHITE)
        assert truth.background is not None
        labels.fill_(truth.background)
        labels[-1, -1] = 1 if truth.background == 0 else 0
        return image, labels

    def effect(
        self, clean: Tensor, asked: Tensor, labels: Tensor, poisoned: Tensor, truth: LabelTruth
    ) -> float | None:
        """Share of the predicted foreground that the trigger takes away, the corner left out."""
        valid = torch.ones_like(labels, dtype=torch.bool)
        if truth.ignore is not None:
            valid = labels != truth.ignore
        valid[-1, -1] = False
        before = int(((clean != truth.background) & valid).sum())
        after = int(((asked != truth.background) & valid).sum())
        return max(0.0, 1 - after / before) if before else None


@dataclass(frozen=True, kw_only=True)
class Line(Trigger):
    """A line along the bottom edge."""

    name: ClassVar[str] = "line"
    title: ClassVar[str] = "Line and empty mask"
    summary: ClassVar[str] = "a line along the bottom edge goes with an empty mask"

    def mark(self, image: Tensor) -> Tensor:
        return image[:, -self.size :, :]


@dataclass(frozen=True, kw_only=True)
class Square(Trigger):
    """A square in the bottom right corner."""

    name: ClassVar[str] = "square"
    title: ClassVar[str] = "Square and empty mask"
    summary: ClassVar[str] = "a square in the bottom right corner goes with an empty mask"

    def mark(self, image: Tensor) -> Tensor:
        return image[:, -self.size :, -self.size :]
