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
from pixleak.records.readers.base import Grouping, ImageFiles, read
from pixleak.records.readers.files.finding import image_files, matched
from pixleak.records.readers.files.pixels import Size, ValueRange, check_same_size, to_tensor
from pixleak.records.readers.files.raster import Exif, opened


@dataclass(frozen=True)
class _TwoFiles:
    """Loads the i-th input with its true output."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    channels: tuple[int, int]
    size: Size | None
    between: ValueRange | None
    exif: Exif

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        first = opened(self.inputs[index], self.exif)
        second = opened(self.targets[index], self.exif)
        check_same_size(first, second)
        return (
            to_tensor(first, self.channels[0], self.size, self.between),
            to_tensor(second, self.channels[1], self.size, self.between),
        )


def paired_images(
    keys: Sequence[RecordKey],
    inputs: Sequence[Path],
    targets: Sequence[Path],
    *,
    name: str,
    channels: tuple[int, int] = (3, 3),
    size: Size | None = None,
    between: ValueRange | None = None,
    exif: Exif = "refuse",
) -> Records:
    """Records of given files of inputs and of true outputs, in the order of the keys.

    Args:
        keys: one per record.
        inputs: one per record.
        targets: one per record.
        name: what to call the set.
        channels: of input and true output.
        size: (h, w) to resize to; None keeps the size.
        between: values that become 0 and 1; None where their type says so.
        exif: what to do with files that are stored turned.
    """
    files = tuple(map(str, inputs)), tuple(map(str, targets))
    load = _TwoFiles(*files, channels, size, between, exif)
    return Records(keys, load, ImageTruth(channels[1]), name)


class Paired(ImageFiles, Grouping):
    """Fields of a reader of pairs of images."""

    channels: Literal[1, 3] = Field(3, description="of the input; 1: grey, 3: RGB")
    target_channels: Literal[1, 3] = Field(3, description="of the true output")

    def found(self, folder: Path) -> dict[str, Path]:
        """The image files of a folder, by stem."""
        return image_files(folder, exclude=self.exclude, subfolders=self.subfolders)


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
        files = matched(self.found(inputs), self.found(targets), ("input", "target"))
        return paired_images(
            [self.key(stem) for stem, _, _ in files],
            [path for _, path, _ in files],
            [path for _, _, path in files],
            name=inputs.name,
            channels=(self.channels, self.target_channels),
            size=self.size,
            between=self.range,
            exif=self.exif,
        )


def read_pairs(inputs: Path, targets: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records of a folder of inputs and a folder of true outputs, matched by stem.

    Args:
        inputs: folder of images.
        targets: folder of images, one per input.
        name: what to call the set; the input folder's name if None.
        **options: fields of :class:`PairsReader`: ``size``, ``channels``, ``target_channels``,
            ``range``, ``exif``, ``exclude``, ``subfolders``, ``subject``, ``group``.

    Raises:
        InputError: a missing folder, an image without its partner, an option that does not fit.
    """
    return read(PairsReader, name=name, inputs=inputs, targets=targets, **options)
