"""A torch data set whose items are an image and its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from pixleak.core.code import load_function
from pixleak.core.errors import InputError, told
from pixleak.core.paths import Code
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Labelled

_KEYS = (("image", "truth"), ("image", "mask"), ("image", "label"), ("image", "target"))


@dataclass(frozen=True)
class _Items:
    """Loads the i-th item."""

    dataset: Dataset[Any]
    labelled: bool
    keys: tuple[str, str] | None
    name: str

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        where = f"{self.name}: item {index}"
        image, truth = self._two(self.dataset[index], where)
        if self.labelled:
            return _image(image, f"{where}: its image"), _labels(truth, where)
        return _image(image, f"{where}: its image"), _image(truth, f"{where}: its true image")

    def _two(self, item: object, where: str) -> tuple[Any, Any]:
        if isinstance(item, Mapping):
            for image, truth in _KEYS if self.keys is None else (self.keys,):
                if image in item and truth in item:
                    return item[image], item[truth]
            raise InputError(
                f"{where} has the keys {', '.join(map(str, item))}; say with "
                "keys=(image, truth) which hold the image and the truth"
            )
        if isinstance(item, Sequence) and not isinstance(item, str) and len(item) >= 2:
            return item[0], item[1]
        raise InputError(f"{where} is a {type(item).__name__}, expected (image, truth) or a dict")


def _array(value: object, where: str) -> Tensor:
    """The value as a tensor; Pillow images and arrays get their channels first."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    pixels: NDArray[Any] = np.asarray(value)
    if pixels.dtype == object or pixels.dtype.kind not in "biuf":
        raise InputError(f"{where} is a {type(value).__name__}, expected a tensor or an array")
    channels_last = isinstance(value, Image.Image) or pixels.shape[0] not in (1, 3)
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 3, 4) and channels_last:
        pixels = pixels.transpose(2, 0, 1)
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(np.int32)
    return torch.from_numpy(np.array(pixels))


def _image(value: object, where: str) -> Tensor:
    """(c, h, w) float32; bytes are scaled to [0, 1], floats are kept."""
    image = _array(value, where)
    if image.ndim == 2:
        image = image[None]
    if image.dtype == torch.uint8:
        return image.float() / 255
    if not image.is_floating_point():
        kind = str(image.dtype).removeprefix("torch.")
        raise InputError(f"{where} is {kind}, expected floats, or bytes 0..255")
    return image.float()


def _labels(value: object, where: str) -> Tensor:
    """(h, w) int64; floats that are whole numbers and a single leading channel are accepted."""
    labels = _array(value, where)
    if labels.ndim == 3 and labels.shape[0] == 1:
        labels = labels[0]
    whole = labels.long()
    if labels.is_floating_point() and (whole != labels).any():
        raise InputError(
            f"{where}: its label map holds fractions ({float(labels[whole != labels][0]):.4g}); "
            "labels must be whole numbers, so don't scale or interpolate masks"
        )
    return whole


def read_dataset(
    dataset: Dataset[Any],
    truth: Truth,
    *,
    ids: Sequence[str] | None = None,
    subjects: Sequence[str | None] | None = None,
    groups: Sequence[str | None] | None = None,
    keys: tuple[str, str] | None = None,
    name: str | None = None,
) -> Records:
    """Records of a map-style torch data set.

    Args:
        dataset: with a length; items are (image, truth) or a dict. Random augmentation must be
            off: a record has to be the same whenever it is read.
        truth: what kind of truth the items have.
        ids: n record ids; ``"000000"``, ``"000001"``, ... if None.
        subjects: n subjects, or None.
        groups: n groups, or None.
        keys: names of image and truth in a dict; if None, ``("image", "truth")``, or ``"mask"``,
            ``"label"`` or ``"target"`` in place of ``"truth"``.
        name: what to call the set; the class name of the data set if None.

    Raises:
        InputError: the data set cannot be indexed or has no length, or a list is not n long.
    """
    if not isinstance(truth, LabelTruth | ImageTruth):
        raise InputError(f"truth must be a LabelTruth or an ImageTruth, got {truth!r}")
    called = name if name is not None else type(dataset).__name__
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise InputError(f"{called} cannot be indexed: records need a data set with a length")
    count = len(dataset)
    for what, given in (("ids", ids), ("subjects", subjects), ("groups", groups)):
        if given is not None and len(given) != count:
            raise InputError(f"{called} has {count} items but {len(given)} {what}")
    record_keys = [
        RecordKey(
            ids[i] if ids is not None else f"{i:06d}",
            subjects[i] if subjects is not None else None,
            groups[i] if groups is not None else None,
        )
        for i in range(count)
    ]
    load = _Items(dataset, isinstance(truth, LabelTruth), keys, called)
    return Records(record_keys, load, truth, called)


class DatasetReader(Labelled):
    """A Python function that returns a torch data set of (image, truth)."""

    name: ClassVar[str] = "dataset"
    summary: ClassVar[str] = "any torch data set of (image, truth), made by a function of yours"

    function: Code = Field(description="file.py:function, called without arguments")
    kind: Literal["labels", "image"] = Field(
        "labels", description="the truth: a label map, or an image of a generator"
    )
    target_channels: Literal[1, 3] = Field(3, description="of the true images")

    def open(self) -> Records:
        make = load_function(self.function)
        try:
            dataset: Any = make()
        except Exception as error:  # whatever the user's function raises
            raise InputError(f"calling {self.function} fails with {told(error)}") from error
        truth = self.truth() if self.kind == "labels" else ImageTruth(self.target_channels)
        return read_dataset(dataset, truth)
