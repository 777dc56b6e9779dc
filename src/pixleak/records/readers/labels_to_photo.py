"""Records of label maps turned round for generators: from the label map to the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Load, Records
from pixleak.records.readers.files.pixels import Size, resampled
from pixleak.records.readers.files.raster import opened

Edges = Callable[[int], Tensor]
"""Position of a record -> (h, w) edges between instances, 0 or 1."""


@dataclass(frozen=True)
class _OneHot:
    """Loads the label map as the input and the image as the truth; picklable."""

    load: Load
    truth: LabelTruth
    name: str
    ids: tuple[str, ...]
    edges: Edges | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        image, labels = self.load(index)
        low, high = float(image.min()), float(image.max())
        if low < 0 or high > 1:
            raise InputError(
                f"{self.name}: the image of {self.ids[index]!r} spans {low:.4g} to {high:.4g}, but "
                "a generator's true image must lie in 0..1: rescale it"
            )
        valid = torch.ones_like(labels, dtype=torch.bool)
        if self.truth.ignore is not None:
            valid = labels != self.truth.ignore
        hot = functional.one_hot(labels.where(valid, 0), self.truth.classes).movedim(-1, 0)
        layers = (hot * valid).float()
        if self.edges is not None:
            layers = torch.cat([layers, self.edges(index)[None].float()])
        return layers, image


def labels_to_photo(records: Records, *, edges: Edges | None = None) -> Records:
    """The same records with the label map as the input and the image as the truth.

    The input is one-hot: one channel per class, 1 where a pixel belongs to the class and 0
    elsewhere; an ignored pixel is 0 in all of them.

    Args:
        records: with label maps.
        edges: one more channel, with the edges between instances; picklable.

    Raises:
        InputError: the truth of the records is an image.

    Example:
        >>> from pixleak import phantom
        >>> record = labels_to_photo(phantom(8, size=16, seed=0))[0]
        >>> tuple(record.image.shape), tuple(record.truth.shape), float(record.image.sum(0).max())
        ((2, 16, 16), (1, 16, 16), 1.0)
    """
    if not isinstance(records, Records):
        raise InputError(f"records must be pixleak.Records, got {records!r:.80}")
    if not isinstance(records.truth, LabelTruth):
        raise InputError(f"{records.name}: labels-to-photo needs label maps; the truth is an image")
    load = _OneHot(records.load, records.truth, records.name, records.ids, edges)
    channels = len(records[0].image)
    return Records(records.keys, load, ImageTruth(channels), records.name)


def instance_edges(instances: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Pixels of which one of the four neighbours belongs to another instance.

    Args:
        instances: (h, w) instance numbers.

    Source:
        Wang et al., pix2pixHD, CVPR 2018, arXiv:1711.11585.

    Example:
        >>> instance_edges(np.array([[1, 1, 2, 2]])).astype(int).tolist()
        [[0, 1, 1, 0]]
    """
    edges = np.zeros(instances.shape, dtype=np.bool_)
    across = instances[:, 1:] != instances[:, :-1]
    down = instances[1:] != instances[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    return edges


@dataclass(frozen=True)
class InstanceEdges:
    """Loads the edges of the i-th file of instance numbers.

    Args:
        files: one per record.
        size: (h, w) to resize to first, by the nearest pixel; None keeps the file's size.
    """

    files: tuple[str, ...]
    size: Size | None

    def __call__(self, index: int) -> Tensor:
        numbers = opened(self.files[index]).pixels[..., 0].astype(np.int32)
        picture = resampled(Image.fromarray(numbers), self.size, Image.Resampling.NEAREST)
        return torch.from_numpy(instance_edges(np.asarray(picture)))
