"""A folder of true label maps without images: for predictions that were saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from pixleak.core.paths import Located
from pixleak.records.base import Records
from pixleak.records.readers.base import Grouping, Labelled
from pixleak.records.readers.files.finding import image_files
from pixleak.records.readers.files.masks import LabelReader, colour_map


@dataclass(frozen=True)
class _Alone:
    """Loads the i-th label map, with an image of no channels."""

    files: tuple[str, ...]
    labels: LabelReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        truth = self.labels(self.files[index], None)
        return torch.zeros(0, *truth.shape), truth


class MasksReader(Labelled, Grouping):
    """True label maps alone; the image of such a record has no channels.

    No model can be asked about them, and what is measured on images is left out.
    """

    name: ClassVar[str] = "masks"
    summary: ClassVar[str] = "a folder of true label maps without images, for saved predictions"

    root: Located = Field(description="folder of label maps")
    mask_ending: str = Field("", description="end of the stems that is not part of the id")
    mask_values: dict[int, int] | None = Field(None, description="grey value in the file -> label")
    mask_colours: dict[str, int] | None = Field(
        None, description="colour in the file ('#ff0000', 'red', '255, 0, 0') -> label"
    )
    threshold: int | None = Field(
        None, ge=0, le=65534, description="grey values above it are foreground"
    )
    exclude: tuple[str, ...] = Field((), description="file names to leave out")

    def open(self) -> Records:
        folder = Path(self.root)
        files = image_files(folder, self.mask_ending, exclude=self.exclude)
        values = None if self.mask_values is None else tuple(self.mask_values.items())
        colours = None if self.mask_colours is None else colour_map(self.mask_colours)
        labels = LabelReader(self.truth(), values, None, self.threshold, colours)
        keys = [self.key(stem) for stem in files]
        load = _Alone(tuple(map(str, files.values())), labels)
        return Records(keys, load, labels.truth, folder.name)
