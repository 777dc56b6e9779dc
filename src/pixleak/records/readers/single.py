"""A single record, read from two files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pixleak.core.errors import InputError
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.files.keys import LabelKeys, MaskKeys, PairKeys
from pixleak.records.readers.folders import masked_images
from pixleak.records.readers.labels_to_photo import labels_to_photo
from pixleak.records.readers.pairs import paired_images


class RecordFormat(PairKeys, MaskKeys, LabelKeys):
    """How the two files of one record are read: the keys of folders and of pairs."""

    kind: Literal["image-to-image", "labels-to-photo", "photo-to-labels"] = Field(
        "image-to-image", description="what the model turns into what"
    )


def read_single(given: Path, wanted: Path, form: RecordFormat) -> Records:
    """A set of one record.

    Args:
        given: file of the model's input.
        wanted: file of the true output.
        form: what the two files show, and how they are read.

    Raises:
        InputError: a file is missing or not an image, the two differ in size, or labels lie
            outside the classes.
    """
    for path in (given, wanted):
        if not path.is_file():
            raise InputError(f"there is no file {path}")
    key = RecordKey(given.stem)
    of_input, of_target = form.image_readers()
    if form.kind == "image-to-image":
        return paired_images([key], [given], [wanted], (of_input, of_target), name=given.name)
    labels = form.label_reader(form.truth(), form.exif)
    if form.kind == "photo-to-labels":
        return masked_images([key], [given], [wanted], of_input, labels, name=given.name)
    return labels_to_photo(
        masked_images([key], [wanted], [given], of_target, labels, name=given.name)
    )
