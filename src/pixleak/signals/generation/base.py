"""What a signal of a generator is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from pixleak.signals.base import Columns, Signal
from pixleak.signals.pixels.images import ImagePixels


@dataclass(frozen=True)
class ImageSignal(Signal):
    """Reduces output and true image to one number, or a family of them."""

    on: ClassVar[Literal["labels", "image", "any"]] = "image"

    @abstractmethod
    def measure(self, pixels: ImagePixels) -> Columns:
        """The (b, c) values of b records."""
