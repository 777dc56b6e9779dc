"""A folder of images and a folder of masks, matched by the stems of their file names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.files import LabelReader, Size, image_files, matched, opened, to_tensor


@dataclass(frozen=True)
class _MaskedImages:
    """Loads the i-th image with its mask."""

    images: tuple[str, ...]
    masks: tuple[str, ...]
    labels: LabelReader
    channels: int
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        image, mask = opened(self.images[index]), opened(self.masks[index])
        check_same_size(image.size, mask.size, self.images[index], self.masks[index])
        truth = self.labels.convert(mask, self.masks[index], self.size)
        return to_tensor(image, self.channels, self.size), truth


def check_same_size(
    first: tuple[int, int], second: tuple[int, int], image: Path | str, other: Path | str
) -> None:
    """Refuse two files of one record that differ in size (width, height)."""
    if first != second:
        raise InputError(
            f"{image} is {first[0]} x {first[1]} pixels wide and high, {other} is "
            f"{second[0]} x {second[1]}; they must be equal"
        )


def check_format(size: Size | None, channels: int) -> None:
    """Refuse sizes and channel numbers that images cannot be read at."""
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise InputError(f"size must be (height, width) in pixels, got {size}")
    if channels not in (1, 3):
        raise InputError(f"channels must be 1 (grey) or 3 (RGB), got {channels}")


def found_in(stem: str, pattern: str | None, what: str) -> str | None:
    """What a regular expression finds in a stem: its first group, or else the whole match.

    Raises:
        InputError: the pattern is malformed or finds nothing.
    """
    if pattern is None:
        return None
    try:
        match = re.search(pattern, stem)
    except re.error as error:
        raise InputError(f"{what} pattern {pattern!r} is no regular expression: {error}") from error
    found = None if match is None else match.group(1 if match.re.groups else 0)
    if not found:
        raise InputError(f"the {what} pattern {pattern!r} finds nothing in {stem!r}")
    return found


def masked_images(
    keys: Sequence[RecordKey],
    images: Sequence[Path],
    masks: Sequence[Path],
    labels: LabelReader,
    *,
    name: str,
    channels: int = 3,
    size: Size | None = None,
) -> Records:
    """Records of files that are known already, in the order given."""
    check_format(size, channels)
    load = _MaskedImages(tuple(map(str, images)), tuple(map(str, masks)), labels, channels, size)
    return Records(keys, load, labels.truth, name)


def read_folders(
    images: Path,
    masks: Path,
    *,
    truth: LabelTruth | None = None,
    size: Size | None = None,
    channels: int = 3,
    values: Mapping[int, int] | None = None,
    other: int | None = None,
    threshold: int | None = None,
    image_ending: str = "",
    mask_ending: str = "",
    subject: str | None = None,
    group: str | None = None,
    name: str | None = None,
) -> Records:
    """Records of an image folder and a mask folder.

    Args:
        images: folder of images; PNG, JPEG, TIFF, BMP, WebP, GIF, PGM, PPM.
        masks: folder of masks, one a stem; may be the same folder where the endings differ.
        truth: the classes; background and foreground where left out. How masks of two classes
            are understood: :class:`~pixleak.records.readers.files.LabelReader`.
        size: (h, w) to resize to, images bilinear with antialiasing, labels to the nearest
            pixel; None keeps each file's size.
        channels: 1 (grey) or 3 (RGB).
        values: value in the mask -> label, ``{255: 1}``.
        other: label of all values that ``values`` does not name; None keeps them.
        threshold: mask values above it are foreground, others background.
        image_ending: end of every image's stem that is not part of the id.
        mask_ending: end of every mask's stem that is not part of the id, ``"_mask"``.
        subject: regular expression that finds the subject in an id (its first group).
        group: regular expression that finds the group in an id (its first group).
        name: what to call the set; the image folder's name where left out.

    Raises:
        InputError: a missing folder, an image without a mask or the reverse, a pattern that
            does not fit, a setting that cannot be. Reading a record raises it too: unreadable
            files, sizes that differ, labels outside the classes.
    """
    files = matched(
        image_files(images, image_ending), image_files(masks, mask_ending), ("image", "mask")
    )
    keys = [
        RecordKey(stem, found_in(stem, subject, "subject"), found_in(stem, group, "group"))
        for stem, _, _ in files
    ]
    labels = LabelReader(
        truth if truth is not None else LabelTruth(2),
        None if values is None else tuple(values.items()),
        other,
        threshold,
    )
    return masked_images(
        keys,
        [image for _, image, _ in files],
        [mask for _, _, mask in files],
        labels,
        name=name if name is not None else Path(images).name,
        channels=channels,
        size=size,
    )
