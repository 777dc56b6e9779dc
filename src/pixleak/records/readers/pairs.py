"""Pairs of images, the input and the true output of a generator: two folders, or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.files import Size, image_files, matched, opened, to_tensor
from pixleak.records.readers.folders import check_format, check_same_size, found_in

Direction = Literal["AtoB", "BtoA"]


@dataclass(frozen=True)
class _TwoFiles:
    """Loads the i-th input with its target."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    channels: tuple[int, int]
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        first, second = opened(self.inputs[index]), opened(self.targets[index])
        check_same_size(first.size, second.size, self.inputs[index], self.targets[index])
        return (
            to_tensor(first, self.channels[0], self.size),
            to_tensor(second, self.channels[1], self.size),
        )


@dataclass(frozen=True)
class _Halves:
    """Cuts the i-th file into input and target."""

    files: tuple[str, ...]
    input_left: bool
    channels: tuple[int, int]
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        both = opened(self.files[index])
        width, height = both.size
        if width % 2:
            raise InputError(
                f"{self.files[index]} is {width} pixels wide; two images side by side of equal "
                "width make an even number"
            )
        left = both.crop((0, 0, width // 2, height))
        right = both.crop((width // 2, 0, width, height))
        first, second = (left, right) if self.input_left else (right, left)
        return (
            to_tensor(first, self.channels[0], self.size),
            to_tensor(second, self.channels[1], self.size),
        )


def _keys(stems: list[str], subject: str | None, group: str | None) -> list[RecordKey]:
    return [
        RecordKey(stem, found_in(stem, subject, "subject"), found_in(stem, group, "group"))
        for stem in stems
    ]


def read_pairs(
    inputs: Path,
    targets: Path,
    *,
    size: Size | None = None,
    channels: int = 3,
    target_channels: int = 3,
    subject: str | None = None,
    group: str | None = None,
    name: str | None = None,
) -> Records:
    """Records of a folder of inputs and a folder of true outputs, matched by stem.

    Args:
        inputs: folder of images.
        targets: folder of images, one a stem.
        size: (h, w) to resize both to, bilinear with antialiasing; None keeps each size.
        channels: of the input, 1 or 3.
        target_channels: of the true output, 1 or 3.
        subject: regular expression that finds the subject in a stem (its first group).
        group: regular expression that finds the group in a stem (its first group).
        name: what to call the set; the input folder's name where left out.

    Raises:
        InputError: a missing folder, an image without its partner, a pattern that does not fit.
    """
    check_format(size, channels)
    check_format(size, target_channels)
    files = matched(image_files(inputs), image_files(targets), ("input", "target"))
    return read_files(
        _keys([stem for stem, _, _ in files], subject, group),
        [path for _, path, _ in files],
        [path for _, _, path in files],
        (channels, target_channels),
        size,
        name if name is not None else Path(inputs).name,
    )


def read_files(
    keys: Sequence[RecordKey],
    inputs: Sequence[Path],
    targets: Sequence[Path],
    channels: tuple[int, int],
    size: Size | None,
    name: str,
) -> Records:
    """Records of given files of inputs and of true outputs, in the order of the keys."""
    load = _TwoFiles(tuple(map(str, inputs)), tuple(map(str, targets)), channels, size)
    return Records(keys, load, ImageTruth(channels[1]), name)


def read_side_by_side(
    folder: Path,
    *,
    direction: Direction = "AtoB",
    size: Size | None = None,
    channels: int = 3,
    target_channels: int = 3,
    subject: str | None = None,
    group: str | None = None,
    name: str | None = None,
) -> Records:
    """Records of files that show two images, A on the left and B on the right.

    Args:
        folder: of such files.
        direction: ``"AtoB"`` takes the left half as the input, ``"BtoA"`` the right half.
        size: (h, w) to resize each half to; None keeps it.
        channels: of the input, 1 or 3.
        target_channels: of the true output, 1 or 3.
        subject: regular expression that finds the subject in a stem (its first group).
        group: regular expression that finds the group in a stem (its first group).
        name: what to call the set; the folder's name where left out.

    Raises:
        InputError: a missing folder, another direction, a pattern that does not fit.
    """
    check_format(size, channels)
    check_format(size, target_channels)
    if direction not in ("AtoB", "BtoA"):
        raise InputError(f"direction must be AtoB or BtoA, got {direction!r}")
    files = image_files(folder)
    return halves(
        _keys(list(files), subject, group),
        list(files.values()),
        input_left=direction == "AtoB",
        size=size,
        channels=(channels, target_channels),
        name=name if name is not None else Path(folder).name,
    )


def halves(
    keys: Sequence[RecordKey],
    files: Sequence[Path],
    *,
    input_left: bool,
    size: Size | None,
    name: str,
    channels: tuple[int, int] = (3, 3),
) -> Records:
    """Records of given files that show two images side by side.

    Args:
        keys: one a file.
        files: in the order of the records.
        input_left: whether the left half is the input.
        size: (h, w) to resize each half to; None keeps it.
        name: what to call the set.
        channels: of input and true output.
    """
    load = _Halves(tuple(map(str, files)), input_left, channels, size)
    return Records(keys, load, ImageTruth(channels[1]), name)
