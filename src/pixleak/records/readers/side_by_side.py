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
from pixleak.records.readers.files.layouts import (
    Recognised,
    pictures_in,
    pictures_in_parts,
    sampled,
)
from pixleak.records.readers.files.pixels import ImageReader
from pixleak.records.readers.pairs import Paired


@dataclass(frozen=True)
class _Halves:
    """Cuts the i-th file into input and true output."""

    files: tuple[str, ...]
    input_left: bool
    readers: tuple[ImageReader, ImageReader]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        of_input, of_target = self.readers
        both = of_input.open(self.files[index])
        width = both.size[0]
        if width % 2:
            raise InputError(
                f"{self.files[index]} is {width} pixels wide; two images of equal width side by "
                "side need an even number"
            )
        left, right = both.columns(0, width // 2), both.columns(width // 2, width)
        first, second = (left, right) if self.input_left else (right, left)
        return of_input.convert(first), of_target.convert(second)


def halves(
    keys: Sequence[RecordKey],
    files: Sequence[Path],
    readers: tuple[ImageReader, ImageReader],
    *,
    input_left: bool,
    name: str,
) -> Records:
    """Records of given files that show two images side by side.

    Args:
        keys: one per file.
        files: in the order of the keys.
        readers: how the half that is the input, and the true output, are read.
        input_left: whether the left half is the input.
        name: what to call the set.
    """
    load = _Halves(tuple(map(str, files)), input_left, readers)
    return Records(keys, load, ImageTruth(readers[1].channels), name)


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
            self.image_readers(),
            input_left=self.direction == "AtoB",
            name=self.root.name,
        )

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        files = tuple(pictures_in(folder).values())
        below: dict[str, bool] = {}
        if not files:
            files, below = pictures_in_parts(folder), {"subfolders": True}
        rasters = list(sampled(files))
        if not rasters or any(raster.size[0] != 2 * raster.size[1] for raster in rasters):
            return []
        evidence = f"images, of which {len(rasters)} were looked at, are twice as wide as high"
        return [Recognised({"root": folder, **below}, evidence, "likely", images=files)]


def read_side_by_side(folder: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records of files that show two images, A on the left and B on the right.

    Args:
        folder: of such files.
        name: what to call the set; the folder's name if None.
        **options: fields of :class:`SideBySideReader`: ``direction``, ``size``, ``channels``,
            ``target_channels``, ``range``, ``target_range``, ``exif``, ``exclude``,
            ``subfolders``, ``subject``, ``group``.

    Raises:
        InputError: a missing or empty folder, or an option that does not fit.
    """
    return read(SideBySideReader, name=name, root=folder, **options)
