"""A folder of images and a folder of masks, matched by the stems of their file names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import (
    Grouping,
    Labelled,
    Resizing,
    Turnable,
    label_fields,
    read,
)
from pixleak.records.readers.image_files import (
    LabelReader,
    Size,
    check_same_size,
    image_files,
    matched,
    opened,
    to_tensor,
)


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
        check_same_size(image, mask, self.images[index], self.masks[index])
        truth = self.labels.convert(mask, self.masks[index], self.size)
        return to_tensor(image, self.channels, self.size), truth


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
    """Records of given files of images and of masks, in the order of the keys."""
    load = _MaskedImages(tuple(map(str, images)), tuple(map(str, masks)), labels, channels, size)
    return Records(keys, load, labels.truth, name)


class FoldersReader(Labelled, Resizing, Grouping, Turnable):
    """A folder of images and a folder of masks, matched by stem.

    Images may be PNG, JPEG, TIFF, BMP, WebP, GIF, PGM or PPM. They are resized bilinearly with
    antialiasing, masks to the nearest pixel. How masks of two classes are understood:
    :class:`~pixleak.records.readers.image_files.LabelReader`.
    """

    name: ClassVar[str] = "folders"
    summary: ClassVar[str] = "a folder of images and a folder of masks, matched by stem"

    root: Located = Field(
        Path(), validate_default=True, description="what images and masks are relative to"
    )
    images: Path = Field(Path("images"), description="folder of images")
    masks: Path = Field(
        Path("masks"), description="folder of masks; may be that of the images if endings differ"
    )
    channels: Literal[1, 3] = Field(3, description="1: grey, 3: RGB")
    mask_values: dict[int, int] | None = Field(None, description="grey value in the file -> label")
    other: int | None = Field(
        None, description="label of grey values that mask_values lacks; null keeps them"
    )
    threshold: int | None = Field(
        None, ge=0, le=65534, description="grey values above it are foreground"
    )
    image_ending: str = Field("", description="end of the images' stems that is not part of the id")
    mask_ending: str = Field("", description="the same for the masks, such as _mask")

    def open(self) -> Records:
        images, masks = self.root / self.images, self.root / self.masks
        files = matched(
            image_files(images, self.image_ending),
            image_files(masks, self.mask_ending),
            ("image", "mask"),
        )
        values = None if self.mask_values is None else tuple(self.mask_values.items())
        records = masked_images(
            [self.key(stem) for stem, _, _ in files],
            [image for _, image, _ in files],
            [mask for _, _, mask in files],
            LabelReader(self.truth(), values, self.other, self.threshold),
            name=images.name,
            channels=self.channels,
            size=self.size,
        )
        return self.directed(records)


def read_folders(
    images: Path,
    masks: Path,
    *,
    truth: LabelTruth | None = None,
    name: str | None = None,
    **options: Any,
) -> Records:
    """Records of an image folder and a mask folder.

    Args:
        images: folder of images.
        masks: folder of masks, one per image.
        truth: the classes; background and foreground if None.
        name: what to call the set; the image folder's name if None.
        **options: fields of :class:`FoldersReader`: ``size``, ``channels``, ``mask_values``,
            ``other``, ``threshold``, ``image_ending``, ``mask_ending``, ``subject``, ``group``,
            ``direction``.

    Raises:
        InputError: a missing folder, an image without a mask or the reverse, an option that does
            not fit. Loading a record raises it too: unreadable files, sizes that differ, labels
            outside the classes.
    """
    return read(
        FoldersReader, name=name, images=images, masks=masks, **label_fields(truth), **options
    )
