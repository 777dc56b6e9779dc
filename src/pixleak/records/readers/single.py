"""A single record, read from two files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.pixels import Size
from pixleak.records.readers.folders import masked_images
from pixleak.records.readers.labels_to_photo import labels_to_photo
from pixleak.records.readers.pairs import paired_images

Direction = Literal["image-to-image", "labels-to-photo", "photo-to-labels"]


def read_single(
    given: Path,
    wanted: Path,
    kind: Direction,
    *,
    size: Size | None = None,
    channels: int = 3,
    target_channels: int = 3,
    truth: LabelTruth | None = None,
) -> Records:
    """A set of one record.

    Args:
        given: file of the model's input.
        wanted: file of the true output.
        kind: what the two files show.
        size: (h, w) to resize to; None keeps the size of the files.
        channels: of an input image.
        target_channels: of a true image.
        truth: classes of a label map.

    Raises:
        InputError: a file is missing or not an image, the two differ in size, or labels lie
            outside the classes.
    """
    for path in (given, wanted):
        if not path.is_file():
            raise InputError(f"there is no file {path}")
    key = RecordKey(given.stem)
    if kind == "image-to-image":
        return paired_images(
            [key],
            [given],
            [wanted],
            name=given.name,
            channels=(channels, target_channels),
            size=size,
        )
    if truth is None:
        raise InputError(f"{given.name}: a label map needs classes")
    image, labels = (given, wanted) if kind == "photo-to-labels" else (wanted, given)
    of_image = channels if kind == "photo-to-labels" else target_channels
    records = masked_images(
        [key], [image], [labels], LabelReader(truth), name=given.name, size=size, channels=of_image
    )
    return records if kind == "photo-to-labels" else labels_to_photo(records)
