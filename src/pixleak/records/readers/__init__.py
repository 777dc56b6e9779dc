"""Readers: where records come from, each with its configuration.

``READERS`` maps names to classes; a configuration names one as ``reader: NAME``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pixleak.core.errors import InputError
from pixleak.core.registry import Registry, alternatives
from pixleak.core.validation import first_error
from pixleak.records.readers.annotated.coco import CocoReader
from pixleak.records.readers.annotated.labelme import LabelmeReader
from pixleak.records.readers.base import Reader
from pixleak.records.readers.colouring import ColouringReader
from pixleak.records.readers.dataset import DatasetReader
from pixleak.records.readers.folders import FoldersReader
from pixleak.records.readers.masks_alone import MasksReader
from pixleak.records.readers.medical.bids import BidsReader
from pixleak.records.readers.medical.decathlon import DecathlonReader
from pixleak.records.readers.medical.dicom import DicomReader
from pixleak.records.readers.medical.nnunet_raw import NnunetReader
from pixleak.records.readers.named.reader import NamedReader
from pixleak.records.readers.pairs import PairsReader
from pixleak.records.readers.phantom import PhantomReader
from pixleak.records.readers.side_by_side import SideBySideReader
from pixleak.records.readers.stored.saved_datasets import HuggingFaceReader
from pixleak.records.readers.stored.shards import ShardsReader
from pixleak.records.readers.stored.stacks import StacksReader
from pixleak.records.readers.volumes import VolumesReader

__all__ = ["READERS", "Reader", "reader_from"]

_BUILT_IN: tuple[type[Reader], ...] = (
    PhantomReader,
    NamedReader,
    FoldersReader,
    MasksReader,
    VolumesReader,
    NnunetReader,
    DecathlonReader,
    BidsReader,
    DicomReader,
    StacksReader,
    CocoReader,
    LabelmeReader,
    ShardsReader,
    HuggingFaceReader,
    DatasetReader,
    PairsReader,
    SideBySideReader,
    ColouringReader,
)
READERS: Registry[type[Reader]] = Registry(
    "readers", {one.name: one for one in _BUILT_IN}, noun="reader", base=Reader
)


def reader_from(content: Mapping[str, Any], context: dict[str, Any] | None = None) -> Reader:
    """The reader that a part of a configuration describes.

    Args:
        content: ``reader`` with its name, and the reader's own keys.
        context: of the validation; ``"base"`` is the folder that paths are relative to.

    Raises:
        InputError: no reader has this name, it has no such key, or a value cannot be used.

    Example:
        >>> reader_from({"reader": "phantom", "count": 40}).name
        'phantom'
    """
    name = content.get("reader")
    if not isinstance(name, str):
        raise InputError(f"reader is missing{alternatives('', READERS)}")
    kind = READERS[name]
    values = {key: value for key, value in content.items() if key != "reader"}
    try:
        return kind.model_validate(values, context=context)
    except ValidationError as error:
        sentence = first_error(error, kind.model_fields)
        raise InputError(f"reader {name!r}: {sentence}") from error
