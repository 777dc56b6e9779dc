"""A folder of inputs and a folder of true outputs of a generator, matched by stem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from pixleak.core.paths import Located
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Grouping, Resizing, read
from pixleak.records.readers.image_files import (
    Size,
    check_same_size,
    image_files,
    matched,
    opened,
    to_tensor,
)


@dataclass(frozen=True)
class _TwoFiles:
    """Loads the i-th input with its true output."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    channels: tuple[int, int]
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        first, second = opened(self.inputs[index]), opened(self.targets[index])
        check_same_size(first, second, self.inputs[index], self.targets[index])
        return (
            to_tensor(first, self.channels[0], self.size),
            to_tensor(second, self.channels[1], self.size),
        )


def paired_images(
    keys: Sequence[RecordKey],
    inputs: Sequence[Path],
    targets: Sequence[Path],
    *,
    name: str,
    channels: tuple[int, int] = (3, 3),
    size: Size | None = None,
) -> Records:
    """Records of given files of inputs and of true outputs, in the order of the keys."""
    load = _TwoFiles(tuple(map(str, inputs)), tuple(map(str, targets)), channels, size)
    return Records(keys, load, ImageTruth(channels[1]), name)


class Paired(Resizing, Grouping):
    """Fields of a reader of pairs of images."""

    channels: Literal[1, 3] = Field(3, description="of the input; 1: grey, 3: RGB")
    target_channels: Literal[1, 3] = Field(3, description="of the true output")


class PairsReader(Paired):
    """A folder of inputs and a folder of true outputs, matched by stem.

    Both are resized bilinearly with antialiasing.
    """

    name: ClassVar[str] = "pairs"
    summary: ClassVar[str] = "a folder of inputs and a folder of true outputs, matched by stem"

    root: Located = Field(
        Path(), validate_default=True, description="what inputs and targets are relative to"
    )
    inputs: Path = Field(Path("inputs"), description="folder of input images")
    targets: Path = Field(Path("targets"), description="folder of true outputs")

    def open(self) -> Records:
        inputs, targets = self.root / self.inputs, self.root / self.targets
        files = matched(image_files(inputs), image_files(targets), ("input", "target"))
        return paired_images(
            [self.key(stem) for stem, _, _ in files],
            [path for _, path, _ in files],
            [path for _, _, path in files],
            name=inputs.name,
            channels=(self.channels, self.target_channels),
            size=self.size,
        )


def read_pairs(inputs: Path, targets: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records of a folder of inputs and a folder of true outputs, matched by stem.

    Args:
        inputs: folder of images.
        targets: folder of images, one per input.
        name: what to call the set; the input folder's name if None.
        **options: fields of :class:`PairsReader`: ``size``, ``channels``, ``target_channels``,
            ``subject``, ``group``.

    Raises:
        InputError: a missing folder, an image without its partner, an option that does not fit.
    """
    return read(PairsReader, name=name, inputs=inputs, targets=targets, **options)
