"""What a record's truth is: a label map or an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pixleak.core.errors import InputError

MOST_CLASSES = 4096
"""More are taken for a mistake: every class has maps and counts of its own."""


@dataclass(frozen=True)
class LabelTruth:
    """The truth of a record is a label map ``(h, w)`` of integers.

    Args:
        classes: number of classes K, background included; labels are ``0 .. K-1``.
        ignore: label of pixels that are ignored, or None.
        names: K class names, or empty.
        background: the class that an empty mask consists of, or None where no class is one.
    """

    classes: int
    ignore: int | None = None
    names: tuple[str, ...] = ()
    background: int | None = 0

    def __post_init__(self) -> None:
        if isinstance(self.classes, bool) or not isinstance(self.classes, int):
            raise InputError(f"classes must be a whole number, got {self.classes!r}")
        if self.classes > MOST_CLASSES:
            raise InputError(
                f"a label map has at most {MOST_CLASSES} classes here, got classes={self.classes}"
            )
        if self.classes < 2:
            raise InputError(f"a label map needs at least 2 classes, got classes={self.classes}")
        if self.names and len(self.names) != self.classes:
            raise InputError(f"{self.classes} classes but {len(self.names)} class names")
        if self.ignore is not None and 0 <= self.ignore < self.classes:
            raise InputError(
                f"ignore={self.ignore} is also a class (0..{self.classes - 1}); "
                "give the ignored pixels a label of their own"
            )

        if self.background is not None and not 0 <= self.background < self.classes:
            raise InputError(
                f"background={self.background} is none of the classes 0..{self.classes - 1}; "
                "give the label of an empty mask, or none"
            )

    def name_of(self, label: int) -> str:
        """The class name, or ``"class 3"`` where no names were given."""
        return self.names[label] if self.names else f"class {label}"

    def __str__(self) -> str:
        ignored = "" if self.ignore is None else f", {self.ignore} ignored"
        empty = "" if self.background in (0, None) else f", background {self.background}"
        none = ", no background" if self.background is None else ""
        return f"label maps of {self.classes} classes{ignored}{empty}{none}"


@dataclass(frozen=True)
class ImageTruth:
    """The truth of a record is an image ``(c, h, w)`` of floats in ``[low, high]``."""

    channels: int
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.channels not in range(1, 65):
            raise InputError(f"a true image has 1 to 64 channels, got channels={self.channels!r}")
        if not self.low < self.high:
            raise InputError(f"the range of true images must ascend, got {self.low}..{self.high}")

    def __str__(self) -> str:
        kind = "channel" if self.channels == 1 else "channels"
        return f"images of {self.channels} {kind} in [{self.low:g}, {self.high:g}]"


Truth = LabelTruth | ImageTruth

Kind = Literal["labels", "image"]
"""The two kinds of truth: of segmenters, and of generators."""


def kind_of(truth: Truth) -> Kind:
    """Which kind of truth it is."""
    return "labels" if isinstance(truth, LabelTruth) else "image"
