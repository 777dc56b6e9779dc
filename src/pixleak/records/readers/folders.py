"""A folder of images and a folder of masks, matched by the stems of their file names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import (
    Grouping,
    ImageFiles,
    Labelled,
    Turnable,
    label_fields,
    read,
)
from pixleak.records.readers.files.finding import (
    MASK_ENDINGS,
    channel_files,
    image_files,
    masked_files,
)
from pixleak.records.readers.files.masks import LabelReader, colour_map
from pixleak.records.readers.files.pixels import Size, ValueRange, check_same_size, stacked
from pixleak.records.readers.files.raster import Exif, opened


@dataclass(frozen=True)
class _MaskedImages:
    """Loads the i-th image, of one file or one per channel, with its mask."""

    images: tuple[tuple[str, ...], ...]
    masks: tuple[str, ...]
    labels: LabelReader
    channels: int
    size: Size | None
    between: ValueRange | None
    exif: Exif

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        mask = opened(self.masks[index], self.exif)
        first, image = stacked(
            self.images[index], self.channels, self.size, self.between, self.exif
        )
        check_same_size(first, mask)
        return image, self.labels.convert(mask, self.size)


def masked_images(
    keys: Sequence[RecordKey],
    images: Sequence[Path | tuple[Path, ...]],
    masks: Sequence[Path],
    labels: LabelReader,
    *,
    name: str,
    channels: int = 3,
    size: Size | None = None,
    between: ValueRange | None = None,
    exif: Exif = "refuse",
) -> Records:
    """Records of given files of images and of masks, in the order of the keys.

    Args:
        keys: one per record.
        images: a file, or one file per channel.
        masks: one per record.
        labels: how masks are understood.
        name: what to call the set.
        channels: of the images.
        size: (h, w) to resize to; None keeps the size.
        between: values of the images that become 0 and 1; None where their type says so.
        exif: what to do with files that are stored turned.
    """
    files = tuple(tuple(map(str, one)) if isinstance(one, tuple) else (str(one),) for one in images)
    load = _MaskedImages(files, tuple(map(str, masks)), labels, channels, size, between, exif)
    return Records(keys, load, labels.truth, name)


class FoldersReader(Labelled, ImageFiles, Grouping, Turnable):
    """A folder of images and a folder of masks, matched by stem.

    Images may be PNG, JPEG, TIFF, BMP, WebP, GIF, PGM, PPM or NumPy arrays, of one file or (as in
    nnU-Net: ``case_0000.png``) one per channel. They are resized bilinearly with antialiasing,
    masks to the nearest pixel. Masks may lie in the folder of the images and have an ending of
    their own (``_mask``, ``_segmentation``). How masks are understood:
    :class:`~pixleak.records.readers.files.masks.LabelReader`.
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
    channels: Annotated[int, Field(ge=1, le=64)] = Field(
        3, description="1: grey, 3: RGB, or as many as the files have bands"
    )
    mask_values: dict[int, int] | None = Field(None, description="grey value in the file -> label")
    other: int | None = Field(
        None, description="label of grey values that mask_values lacks; null keeps them"
    )
    mask_colours: dict[str, int] | None = Field(
        None, description="colour in the file ('#ff0000', 'red', '255, 0, 0') -> label"
    )
    threshold: int | None = Field(
        None, ge=0, le=65534, description="grey values above it are foreground"
    )
    image_ending: str = Field("", description="end of the images' stems that is not part of the id")
    mask_ending: str = Field("", description="the same for the masks, such as _mask")

    def open(self) -> Records:
        images, masks = self.root / self.images, self.root / self.masks
        for folder in (images, masks):
            if not folder.is_dir():
                raise InputError(f"there is no folder {folder}")
        shared = images.resolve() == masks.resolve()
        ending = self.mask_ending or (self._own_ending(images) if shared else "")
        mask_files = image_files(masks, ending, exclude=self.exclude, subfolders=self.subfolders)
        others = [*self.exclude, f"*{ending}.*"] if shared and ending else self.exclude
        image_paths = image_files(
            images, self.image_ending, exclude=others, subfolders=self.subfolders
        )
        files = masked_files(channel_files(image_paths), mask_files)
        values = None if self.mask_values is None else tuple(self.mask_values.items())
        colours = None if self.mask_colours is None else colour_map(self.mask_colours)
        records = masked_images(
            [self.key(stem) for stem, _, _ in files],
            [paths for _, paths, _ in files],
            [mask for _, _, mask in files],
            LabelReader(self.truth(), values, self.other, self.threshold, colours),
            name=images.name,
            channels=self.channels,
            size=self.size,
            between=self.range,
            exif=self.exif,
        )
        return self.directed(records)

    def _own_ending(self, folder: Path) -> str:
        """The ending by which masks are told from images in one folder.

        Raises:
            InputError: there is none of the usual ones.
        """
        stems = image_files(folder, exclude=self.exclude, subfolders=self.subfolders)
        for ending in MASK_ENDINGS:
            if any(stem.endswith(ending) for stem in stems):
                return ending
        raise InputError(
            f"{folder} holds images and masks, and no stem ends in {', '.join(MASK_ENDINGS)}: say "
            "with mask_ending how those of masks end"
        )


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
            ``mask_colours``, ``other``, ``threshold``, ``image_ending``, ``mask_ending``,
            ``range``, ``exif``, ``exclude``, ``subfolders``, ``subject``, ``group``,
            ``direction``.

    Raises:
        InputError: a missing folder, an image without a mask or the reverse, an option that does
            not fit. Loading a record raises it too: unreadable files, sizes that differ, labels
            outside the classes.
    """
    return read(
        FoldersReader, name=name, images=images, masks=masks, **label_fields(truth), **options
    )
