"""A torch data set whose items hold an image and its truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from pixleak.core.code import load_function
from pixleak.core.errors import InputError, told
from pixleak.core.paths import Code
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Labelled
from pixleak.records.readers.files.in_memory import (
    read_image_value,
    read_label_value,
    shows_image,
)
from pixleak.records.readers.files.keys import MaskValueKeys
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.pixels import ValueRange
from pixleak.records.readers.files.raster import Exif

_IMAGES = ("image", "img", "pixel_values")
_TRUTHS = ("truth", "mask", "label", "labels", "target", "annotation", "segmentation", "gt")
_PROBED = 8  # items that are looked at on opening: do they hold values of one scale?


class DatasetKeys(MaskValueKeys):
    """What the items of a torch data set hold, and what their values mean."""

    image_key: str | None = Field(
        None, description="the image, where items are dicts; null: image, img or pixel_values"
    )
    truth_key: str | None = Field(
        None,
        description="the truth, where items (or the second of two) are dicts; null: truth, mask, "
        "label, labels, target, annotation, segmentation or gt",
    )
    id_key: str | None = Field(None, description="the id in items that are dicts; null: numbers")
    subject_key: str | None = Field(None, description="the same for the subject")
    group_key: str | None = Field(None, description="the same for the group")
    range: ValueRange | None = Field(
        None,
        description="values of images that become 0 and 1; null keeps floats, and divides bytes "
        "by 255",
    )
    exif: Exif = Field(
        "refuse",
        description="Pillow images that are stored turned (EXIF): refuse, apply (show them) or "
        "ignore",
    )


@dataclass(frozen=True)
class _Items:
    """Loads the i-th item."""

    dataset: Dataset[Any]
    labels: LabelReader | None
    keys: tuple[str | None, str | None]
    between: ValueRange | None
    name: str
    exif: Exif

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        where = f"{self.name}: item {index}"
        given, wanted = self._two(self.dataset[index], where)
        if self.labels is None:
            return (
                read_image_value(given, f"{where}: its image", self.between, self.exif),
                read_image_value(wanted, f"{where}: its true image", self.between, self.exif),
            )
        truth = read_label_value(wanted, where, self.labels)
        what = f"{where}: its image"
        return read_image_value(given, what, self.between, self.exif, truth.shape), truth

    def _two(self, item: object, where: str) -> tuple[Any, Any]:
        image_key, truth_key = self.keys
        if isinstance(item, Mapping):
            return (
                _field(item, image_key, _IMAGES, where, "image"),
                _field(item, truth_key, _TRUTHS, where, "truth"),
            )
        if isinstance(item, Sequence) and not isinstance(item, str) and len(item) >= 2:
            if isinstance(item[1], Mapping):
                return item[0], _field(item[1], truth_key, _TRUTHS, where, "truth")
            return item[0], item[1]
        raise InputError(f"{where} is a {type(item).__name__}, expected (image, truth) or a dict")


def _field(
    item: Mapping[Any, Any], key: str | None, usual: Sequence[str], where: str, what: str
) -> Any:
    """The value of a key, or of the only usual name whose value is an image."""
    if key is not None:
        if key not in item:
            raise InputError(
                f"{where} has no key {key!r}; it has the keys {', '.join(map(str, item))}"
            )
        return item[key]
    found = [one for one in usual if one in item and shows_image(item[one])]
    if len(found) == 1:
        return item[found[0]]
    several = f", of which {' and '.join(found)} may hold the {what}" if found else ""
    raise InputError(
        f"{where} has the keys {', '.join(map(str, item))}{several}; say with {what}_key (of "
        f"read_dataset, or of the reader dataset) which holds the {what}"
    )


def _check_scale(load: _Items, count: int) -> None:
    """Refuse images of which some lie in 0..1 and others are bytes turned into floats.

    Raises:
        InputError: naming one of either kind.
    """
    small: tuple[int, float] | None = None
    large: tuple[int, float] | None = None
    for index in sorted({round(i * (count - 1) / (_PROBED - 1)) for i in range(_PROBED)}):
        try:
            image = load(index)[0]
        except InputError:
            raise
        except Exception:  # whatever the data set raises; preparing the record names it
            return
        if not image.numel() or float(image.min()) < 0:
            return
        top = float(image.max())
        fractions = bool((image.floor() != image).any())
        if top > 1 and not fractions:
            large = (index, top)
        elif 0 < top <= 1 and fractions:
            small = (index, top)
    if small and large:
        raise InputError(
            f"{load.name}: the image of item {small[0]} lies in 0..{small[1]:.4g}, that of item "
            f"{large[0]} holds whole numbers up to {large[1]:.4g}; bring all to one scale"
        )


def read_dataset(
    dataset: Dataset[Any],
    truth: Truth,
    *,
    ids: Sequence[str] | None = None,
    subjects: Sequence[str | None] | None = None,
    groups: Sequence[str | None] | None = None,
    keys: tuple[str, str] | None = None,
    name: str | None = None,
    **options: Any,
) -> Records:
    """Records of a map-style torch data set.

    Items are tensors, arrays or Pillow images. Label maps are understood as those of mask files
    are (:class:`~pixleak.records.readers.files.masks.LabelReader`): of two classes 0 and 255 will
    do, palettes must be in order, and one layer per class is accepted where each pixel has exactly
    one. A few items are read at once, to see whether their images are of one scale.

    Args:
        dataset: with a length; items are (image, truth) or a dict. Random augmentation must be
            off: a record has to be the same whenever it is read.
        truth: what kind of truth the items have.
        ids: n record ids; ``"000000"``, ``"000001"``, ... if None.
        subjects: n subjects, or None.
        groups: n groups, or None.
        keys: names of image and truth in a dict; short for ``image_key`` and ``truth_key``.
        name: what to call the set; the class name of the data set if None.
        **options: fields of :class:`DatasetKeys`: ``image_key``, ``truth_key``, ``id_key``,
            ``subject_key``, ``group_key``, ``range``, ``exif``, ``mask_values``, ``mask_colours``,
            ``other``, ``threshold``.

    Raises:
        InputError: the data set cannot be indexed or has no length, a list is not n long, or items
            are not as they should be.
    """
    if keys is not None:
        options = {"image_key": keys[0], "truth_key": keys[1], **options}
    how = DatasetKeys(**options)
    if not isinstance(truth, LabelTruth | ImageTruth):
        raise InputError(f"truth must be a LabelTruth or an ImageTruth, got {truth!r}")
    called = name if name is not None else type(dataset).__name__
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise InputError(f"{called} cannot be indexed: records need a data set with a length")
    count = len(dataset)
    for what, given in (("ids", ids), ("subjects", subjects), ("groups", groups)):
        if given is not None and len(given) != count:
            raise InputError(f"{called} has {count} items but {len(given)} {what}")
    fields = {"id": how.id_key, "subject": how.subject_key, "group": how.group_key}
    if any(fields.values()):
        found = [_named_fields(dataset[i], fields, f"{called}: item {i}") for i in range(count)]
        ids = ids if how.id_key is None else [one.get("id", "") for one in found]
        subjects = subjects if how.subject_key is None else [one.get("subject") for one in found]
        groups = groups if how.group_key is None else [one.get("group") for one in found]
    record_keys = [
        RecordKey(
            ids[i] if ids is not None else f"{i:06d}",
            subjects[i] if subjects is not None else None,
            groups[i] if groups is not None else None,
        )
        for i in range(count)
    ]
    labels = how.label_reader(truth, how.exif) if isinstance(truth, LabelTruth) else None
    load = _Items(dataset, labels, (how.image_key, how.truth_key), how.range, called, how.exif)
    records = Records(record_keys, load, truth, called)
    if how.range is None:
        _check_scale(load, count)
    return records


def _named_fields(item: object, fields: Mapping[str, str | None], where: str) -> dict[str, str]:
    """What an item says of its id, subject and group."""
    if not isinstance(item, Mapping):
        raise InputError(
            f"{where} is a {type(item).__name__}, in which no key can be looked up; expected a dict"
        )
    found = {}
    for what, key in fields.items():
        if key is None:
            continue
        if key not in item:
            raise InputError(
                f"{where} has no key {key!r}; it has the keys {', '.join(map(str, item))}"
            )
        value = item[key]
        if value is None and what != "id":
            continue
        if value is None:
            raise InputError(f"{where} has no id: its {key!r} is None")
        found[what] = str(value.item() if isinstance(value, Tensor | np.generic) else value)
    return found


class DatasetReader(DatasetKeys, Labelled):
    """A Python function that returns a torch data set of (image, truth)."""

    name: ClassVar[str] = "dataset"
    summary: ClassVar[str] = (
        "any torch data set of (image, truth) or dicts, made by a function of yours"
    )

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
        options = {key: getattr(self, key) for key in DatasetKeys.model_fields}
        return read_dataset(dataset, truth, **options)
