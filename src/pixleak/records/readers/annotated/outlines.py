"""Images whose label maps are drawn from outlines: what readers of annotations share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.files.held_file import HeldFile
from pixleak.records.readers.files.keys import ChannelsKey, ImageKeys
from pixleak.records.readers.files.pixels import ImageReader, resampled


class Outlines(Protocol):
    """The outlines of one image; picklable."""

    def drawn(self, size: tuple[int, int]) -> NDArray[np.int32]:
        """(h, w) labels.

        Args:
            size: height and width.

        Raises:
            InputError: an outline cannot be drawn.
        """


@dataclass(frozen=True)
class _Outlined:
    """Loads the i-th image, and draws its label map."""

    images: tuple[str | HeldFile, ...]
    outlines: tuple[Outlines, ...]
    reader: ImageReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        raster = self.reader.open(self.images[index])
        width, height = raster.size
        labels = self.outlines[index].drawn((height, width))
        sized = resampled(Image.fromarray(labels), self.reader.size, Image.Resampling.NEAREST)
        return self.reader.convert(raster), torch.from_numpy(np.array(sized, dtype=np.int64))


class OutlinedImages(ChannelsKey, ImageKeys):
    """Fields of a reader of annotations, and how they become records."""

    def outlined(
        self,
        keys: Sequence[RecordKey],
        images: Sequence[str | HeldFile],
        outlines: Sequence[Outlines],
        truth: LabelTruth,
        *,
        name: str,
    ) -> Records:
        """Records of images with their outlines, in the order of the keys."""
        load = _Outlined(tuple(images), tuple(outlines), self.image_reader(self.channels))
        return Records(keys, load, truth, name)


def truth_of_names(names: Sequence[str], *, ignore: bool, where: str) -> LabelTruth:
    """Background and one class for each name; the label after the last is ignored, if any is.

    Raises:
        InputError: there are none.
    """
    if not names:
        raise InputError(f"{where} names no classes")
    classes = len(names) + 1
    return LabelTruth(classes, classes if ignore else None, ("background", *names))
