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
from pixleak.records.readers.files.keys import FindingKeys, MaskKeys
from pixleak.records.readers.files.layouts import Recognised, look_like_masks, pictures_in
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.raster import Exif


@dataclass(frozen=True)
class _Alone:
    """Loads the i-th label map, with an image of no channels."""

    files: tuple[str, ...]
    labels: LabelReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        truth = self.labels(self.files[index], None)
        return torch.zeros(0, *truth.shape), truth


class MasksReader(Labelled, MaskKeys, FindingKeys, Grouping):
    """True label maps alone; the image of such a record has no channels.

    No model can be asked about them, and what is measured on images is left out.
    """

    name: ClassVar[str] = "masks"
    summary: ClassVar[str] = "a folder of true label maps without images, for saved predictions"

    root: Located = Field(description="folder of label maps")
    mask_ending: str = Field("", description="end of the stems that is not part of the id")
    exif: Exif = Field(
        "refuse", description="files that are stored turned: refuse, apply or ignore"
    )

    def open(self) -> Records:
        folder = Path(self.root)
        files = self.found(folder, self.mask_ending)
        labels = self.label_reader(self.truth(), self.exif)
        keys = [self.key(stem) for stem in files]
        load = _Alone(tuple(map(str, files.values())), labels)
        return Records(keys, load, labels.truth, folder.name)

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        files = tuple(pictures_in(folder).values())
        if not look_like_masks(files):
            return []
        evidence = f"it holds {len(files)} images that look like masks"
        return [Recognised({"root": folder}, evidence, "possible", images=files, masks=files)]
