"""A folder of files that show input and true output side by side, as pix2pix distributes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import read
from pixleak.records.readers.files.pixels import Size, ValueRange, to_tensor
from pixleak.records.readers.files.raster import Exif, opened
from pixleak.records.readers.pairs import Paired


@dataclass(frozen=True)
class _Halves:
    """Cuts the i-th file into input and true output."""

    files: tuple[str, ...]
    input_left: bool
    channels: tuple[int, int]
    size: Size | None
    between: ValueRange | None = None
    exif: Exif = "refuse"

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        both = opened(self.files[index], self.exif)
        width = both.size[0]
        if width % 2:
            raise InputError(
                f"{self.files[index]} is {width} pixels wide; two images of equal width side by "
                "side need an even number"
            )
        left, right = both.columns(0, width // 2), both.columns(width // 2, width)
        first, second = (left, right) if self.input_left else (right, left)
        return (
            to_tensor(first, self.channels[0], self.size, self.between),
            to_tensor(second, self.channels[1], self.size, self.between),
        )


def halves(
    keys: Sequence[RecordKey],
    files: Sequence[Path],
    *,
    input_left: bool,
    name: str,
    channels: tuple[int, int] = (3, 3),
    size: Size | None = None,
    between: ValueRange | None = None,
    exif: Exif = "refuse",
) -> Records:
    """Records of given files that show two images side by side.

    Args:
        keys: one per file.
        files: in the order of the keys.
        input_left: whether the left half is the input.
        name: what to call the set.
        channels: of input and true output.
        size: (h, w) to resize each half to; None keeps its size.
        between: values that become 0 and 1; None where their type says so.
        exif: what to do with files that are stored turned.
    """
    load = _Halves(tuple(map(str, files)), input_left, channels, size, between, exif)
    return Records(keys, load, ImageTruth(channels[1]), name)


class SideBySideReader(Paired):
    """A folder of files that show two images, A on the left and B on the right.

    Each half is resized bilinearly with antialiasing.
    """

    name: ClassVar[str] = "side-by-side"
    summary: ClassVar[str] = "files that show input and true output side by side, as in pix2pix"

    root: Located = Field(description="folder of such files")
    direction: Literal["AtoB", "BtoA"] = Field(
        "AtoB", description="AtoB: the left half is the input; BtoA: the right half"
    )

    def open(self) -> Records:
        files = self.found(self.root)
        return halves(
            [self.key(stem) for stem in files],
            list(files.values()),
            input_left=self.direction == "AtoB",
            name=self.root.name,
            channels=(self.channels, self.target_channels),
            size=self.size,
        )


def read_side_by_side(folder: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records of files that show two images, A on the left and B on the right.

    Args:
        folder: of such files.
        name: what to call the set; the folder's name if None.
        **options: fields of :class:`SideBySideReader`: ``direction``, ``size``, ``channels``,
            ``target_channels``, ``subject``, ``group``.

    Raises:
        InputError: a missing or empty folder, or an option that does not fit.
    """
    return read(SideBySideReader, name=name, root=folder, **options)
