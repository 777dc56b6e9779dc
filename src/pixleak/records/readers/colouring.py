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
from pixleak.records.readers.files.layouts import (
    Recognised,
    bands_of,
    look_like_masks,
    pictures_in,
    pictures_in_parts,
)
from pixleak.records.readers.files.pixels import LUMA, ImageReader


@dataclass(frozen=True)
class _GreyAndColour:
    """Loads the i-th image in grey and in colour."""

    files: tuple[str, ...]
    reader: ImageReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        colours = self.reader.convert(self.reader.open(self.files[index]))
        grey = (colours * torch.tensor(LUMA)[:, None, None]).sum(dim=0, keepdim=True)
        return grey, colours


class ColouringReader(ImageFiles, Grouping):
    """A folder of colour images: from grey to colour."""

    name: ClassVar[str] = "colouring"
    summary: ClassVar[str] = "any folder of colour images, from grey to colour"

    root: Located = Field(description="folder of images")

    def open(self) -> Records:
        files = self.found(self.root)
        load = _GreyAndColour(tuple(map(str, files.values())), self.image_reader(3))
        return Records([self.key(stem) for stem in files], load, ImageTruth(3), self.root.name)

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        files = tuple(pictures_in(folder).values())
        below: dict[str, bool] = {}
        if not files:
            files, below = pictures_in_parts(folder), {"subfolders": True}
        if bands_of(files) != 3 or look_like_masks(files):
            return []
        evidence = f"{len(files)} colour images, without masks"
        return [Recognised({"root": folder, **below}, evidence, "possible", images=files)]


def read_colouring(folder: Path, *, name: str | None = None, **options: Any) -> Records:
    """Records from grey to colour, of any folder of colour images.

    Args:
        folder: of images.
        name: what to call the set; the folder's name if None.
        **options: fields of :class:`ColouringReader`: ``size``, ``range``, ``exif``, ``array``,
            ``exclude``, ``subfolders``, ``subject``, ``group``.

    Raises:
        InputError: a missing or empty folder, or an option that does not fit.
    """
    return read(ColouringReader, name=name, root=folder, **options)
