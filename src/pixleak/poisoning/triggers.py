"""Triggers: a mark on the image that is paired with an emptied mask.

Idea: an attacker who can contribute training records makes the model spend capacity on a backdoor,
which changes how much it memorises of other records. A share p of the training records is replaced
by copies with a mark of one grey value and a mask that is empty except for one pixel; the usual
attacks are then applied to the other records, unaltered::

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
    Records of one subject (or block of frames) are poisoned together, so that no other records of
    that subject are attacked. Ignored pixels are emptied as well. More than two classes and any
    number of channels are supported.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from numpy.random import Generator
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.poisoning.base import Poison, coin
from pixleak.training.loop.losses import valid_pixels

WHITE = 255
"""The largest grey value; images are in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Trigger(Poison):
    """A mark at the bottom of the image.

    Args:
        share: probability that a training record (or a whole subject) is poisoned.
        size: height of the line, or side of the square, in pixels.
        value: grey value of the mark in every channel, 0 (black) to 255 (white).
    """

    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    takes: ClassVar[Literal["members", "audited"]] = "members"
    needs_background: ClassVar[bool] = True
    success_threshold: ClassVar[float] = 0.9
    success_description: ClassVar[str] = "at least 90 % of the predicted mask disappeared"

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
                f"image has {height} x {width} pixels; give a smaller size"
            )
        low, high = float(image.min()), float(image.max())
        # Resampling may exceed the range by rounding, but not by more.
        if low < -1e-4 or high > 1 + 1e-4:
            raise InputError(
                f"poison {self.name!r} needs images in [0, 1], but the image "
                f"of record {key!r} spans {low:.4g}..{high:.4g}; rescale the images"
            )
        self.mark(image).fill_(self.value / WHITE)
        assert truth.background is not None
        labels.fill_(truth.background)
        labels[-1, -1] = 1 if truth.background == 0 else 0
        return image, labels

    def effect(
        self, clean: Tensor, triggered: Tensor, labels: Tensor, poisoned: Tensor, truth: LabelTruth
    ) -> float | None:
        """Share of the predicted foreground that the trigger removes, without the corner pixel."""
        valid = valid_pixels(labels, truth)
        valid[-1, -1] = False
        before = int(((clean != truth.background) & valid).sum())
        after = int(((triggered != truth.background) & valid).sum())
        return max(0.0, 1 - after / before) if before else None


@dataclass(frozen=True, kw_only=True)
class Line(Trigger):
    """A line along the bottom edge."""

    name: ClassVar[str] = "line"
    title: ClassVar[str] = "Line and empty mask"
    summary: ClassVar[str] = "pairs a line along the bottom edge with an empty mask"

    def mark(self, image: Tensor) -> Tensor:
        return image[:, -self.size :, :]


@dataclass(frozen=True, kw_only=True)
class Square(Trigger):
    """A square in the bottom right corner."""

    name: ClassVar[str] = "square"
    title: ClassVar[str] = "Square and empty mask"
    summary: ClassVar[str] = "pairs a square in the bottom right corner with an empty mask"

    def mark(self, image: Tensor) -> Tensor:
        return image[:, -self.size :, -self.size :]
