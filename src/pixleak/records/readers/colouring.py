"""A folder of colour images, read as records for a generator that colours grey images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from pixleak.core.paths import Located
from pixleak.core.truth import ImageTruth
from pixleak.records.base import Records
from pixleak.records.readers.base import Grouping, ImageFiles, read
from pixleak.records.readers.files.finding import image_files
from pixleak.records.readers.files.pixels import Size, ValueRange, to_tensor
from pixleak.records.readers.files.raster import Exif, opened

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey of ITU-R BT.601."""


@dataclass(frozen=True)
class _GreyAndColour:
    """Loads the i-th image in grey and in colour."""

    files: tuple[str, ...]
    size: Size | None
    between: ValueRange | None
    exif: Exif

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        colours = to_tensor(opened(self.files[index], self.exif), 3, self.size, self.between)
        grey = (colours * torch.tensor(LUMA)[:, None, None]).sum(dim=0, keepdim=True)
        return grey, colours


class ColouringReader(ImageFiles, Grouping):
    """A folder of colour images: from grey to colour."""

    name: ClassVar[str] = "colouring"
    summary: ClassVar[str] = "any folder of colour images, from grey to colour"

    root: Located = Field(description="folder of images")

    def open(self) -> Records:
        files = image_files(self.root, exclude=self.exclude, subfolders=self.subfolders)
        load = _GreyAndColour(tuple(map(str, files.values())), self.size, self.range, self.exif)
        return Records([self.key(stem) for stem in files], load, ImageTruth(3), self.root.name)


def read_colouring(folder: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records from grey to colour, of any folder of colour images.

    Args:
        folder: of images.
        name: what to call the set; the folder's name if None.
        **options: fields of :class:`ColouringReader`: ``size``, ``subject``, ``group``.

    Raises:
        InputError: a missing or empty folder, or an option that does not fit.
    """
    return read(ColouringReader, name=name, root=folder, **options)
