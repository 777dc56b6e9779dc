"""Records for generators: label maps to photos, and grey to colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Load, RecordKey, Records
from pixleak.records.readers.files import Size, image_files, opened, to_tensor
from pixleak.records.readers.folders import check_format, found_in

Edges = Callable[[int], Tensor]
"""Position of a record -> (h, w) edges between instances, 0 or 1."""

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the grey of ITU-R BT.601."""


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
    """The same records turned round: from the label map to the image.

    The input has one layer a class, 1 where the pixel is of it and 0 elsewhere; an ignored pixel is
    in none.

    Args:
        records: with label maps.
        edges: one more layer, of edges between instances; picklable.

    Raises:
        InputError: the truth is an image already.

    Example:
        >>> from pixleak.records.phantom.phantom import phantom
        >>> record = labels_to_photo(phantom(8, size=16, seed=0))[0]
        >>> tuple(record.image.shape), tuple(record.truth.shape), float(record.image.sum(0).max())
        ((2, 16, 16), (1, 16, 16), 1.0)
    """
    if not isinstance(records.truth, LabelTruth):
        raise InputError(f"{records.name}: labels-to-photo needs label maps; the truth is an image")
    load = _OneHot(records.load, records.truth, records.name, records.ids, edges)
    channels = len(records[0].image)
    return Records(records.keys, load, ImageTruth(channels), records.name)


def instance_edges(instances: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where a pixel and one of its four neighbours are of different instances; both are marked.

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
        files: one a record.
        size: (h, w) to resize to first, taking the nearest pixel; None keeps the file's.
    """

    files: tuple[str, ...]
    size: Size | None

    def __call__(self, index: int) -> Tensor:
        picture = opened(self.files[index])
        if self.size is not None:
            picture = picture.resize((self.size[1], self.size[0]), resample=0)
        return torch.from_numpy(instance_edges(np.asarray(picture)))


@dataclass(frozen=True)
class _Colouring:
    """Loads the i-th image's grey and its colours."""

    files: tuple[str, ...]
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        colours = to_tensor(opened(self.files[index]), 3, self.size)
        grey = (colours * torch.tensor(LUMA)[:, None, None]).sum(dim=0, keepdim=True)
        return grey, colours


def read_colouring(
    folder: Path,
    *,
    size: Size | None = None,
    subject: str | None = None,
    group: str | None = None,
    name: str | None = None,
) -> Records:
    """Records from grey to colour, of any folder of colour images.

    Args:
        folder: of images.
        size: (h, w) to resize to; None keeps each size.
        subject: regular expression that finds the subject in a stem (its first group).
        group: regular expression that finds the group in a stem (its first group).
        name: what to call the set; the folder's name where left out.

    Raises:
        InputError: a missing or empty folder, or a pattern that does not fit.
    """
    check_format(size, 3)
    files = image_files(folder)
    keys = [
        RecordKey(stem, found_in(stem, subject, "subject"), found_in(stem, group, "group"))
        for stem in files
    ]
    called = name if name is not None else Path(folder).name
    return Records(keys, _Colouring(tuple(map(str, files.values())), size), ImageTruth(3), called)
