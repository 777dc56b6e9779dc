"""A folder of images and a folder of masks, matched by the stems of their file names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

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
from pixleak.records.readers.files.keys import ChannelsKey, MaskKeys
from pixleak.records.readers.files.layouts import (
    Recognised,
    bands_of,
    left_out,
    look_like_masks,
    matching_folders,
    pictures_in,
    relative,
    sizes_agree,
)
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.pixels import ImageReader, check_same_size


@dataclass(frozen=True)
class _MaskedImages:
    """Loads the i-th image, of one file or one per channel, with its mask."""

    images: tuple[tuple[str, ...], ...]
    masks: tuple[str, ...]
    reader: ImageReader
    labels: LabelReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        mask = self.labels.open(self.masks[index])
        first, image = self.reader.stacked(self.images[index])
        check_same_size(first, mask)
        return image, self.labels.convert(mask, self.reader.size)


def masked_images(
    keys: Sequence[RecordKey],
    images: Sequence[Path | tuple[Path, ...]],
    masks: Sequence[Path],
    reader: ImageReader,
    labels: LabelReader,
    *,
    name: str,
) -> Records:
    """Records of given files of images and of masks, in the order of the keys.

    Args:
        keys: one per record.
        images: a file, or one file per channel.
        masks: one per record.
        reader: how images are read.
        labels: how masks are understood.
        name: what to call the set.
    """
    files = tuple(tuple(map(str, one)) if isinstance(one, tuple) else (str(one),) for one in images)
    load = _MaskedImages(files, tuple(map(str, masks)), reader, labels)
    return Records(keys, load, labels.truth, name)


class FoldersReader(Labelled, ChannelsKey, MaskKeys, ImageFiles, Grouping, Turnable):
    """A folder of images and a folder of masks, matched by stem.

    Images may be PNG, JPEG, TIFF, BMP, WebP, GIF, JPEG 2000, PGM, PPM or NumPy arrays, of one file
    or (as in nnU-Net: ``case_0000.png``) one per channel. They are resized bilinearly with
    antialiasing, masks to the nearest pixel. Masks may lie in the folder of the images and have an
    ending of their own (``_mask``, ``_segmentation``), or in the same ``.npz`` files. How masks are
    understood: :class:`~pixleak.records.readers.files.masks.LabelReader`.
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
    image_ending: str = Field("", description="end of the images' stems that is not part of the id")
    mask_ending: str = Field("", description="the same for the masks, such as _mask")

    def open(self) -> Records:
        images, masks = self.root / self.images, self.root / self.masks
        for folder in (images, masks):
            if not folder.is_dir():
                raise InputError(f"there is no folder {folder}")
        shared = images.resolve() == masks.resolve()
        if shared and self.array is not None and self.mask_array not in (None, self.array):
            image_paths = mask_files = self.found(images, self.image_ending)  # in the same files
        else:
            image_paths, mask_files = self._apart(images, masks, shared)
        files = masked_files(channel_files(image_paths, mask_files), mask_files)
        records = masked_images(
            [self.key(stem) for stem, _, _ in files],
            [paths for _, paths, _ in files],
            [mask for _, _, mask in files],
            self.image_reader(self.channels),
            self.label_reader(self.truth(), self.exif),
            name=images.name,
        )
        return self.directed(records)

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        found = []
        for one in matching_folders(folder, pictures_in):
            masks = [mask for _, mask in one.files.values()]
            images = [paths[0] for paths, _ in one.files.values()]
            if look_like_masks(masks) and not look_like_masks(images) and sizes_agree(one):
                apart = {
                    "images": relative(folder, one.first),
                    "masks": relative(folder, one.second),
                }
                several = len(next(iter(one.files.values()))[0])
                settings = {"root": folder, **apart, **_channels(images, several)}
                settings |= left_out(one.alone)
                evidence = f"{one.counted}, and those of {one.second.name}/ look like masks"
                every = tuple(path for paths, _ in one.files.values() for path in paths)
                found.append(
                    Recognised(settings, evidence, "likely", one.lacking, every, tuple(masks))
                )
        return found or _in_one_folder(folder)

    def _apart(
        self, images: Path, masks: Path, shared: bool
    ) -> tuple[dict[str, Path], dict[str, Path]]:
        """Files of images, and of masks that lie beside them or in a folder of their own."""
        ending = self.mask_ending or (self._own_ending(images) if shared else "")
        mask_files = self.found(masks, ending)
        others = [*self.exclude, f"*{ending}.*"] if shared and ending else self.exclude
        return image_files(
            images, self.image_ending, exclude=others, subfolders=self.subfolders
        ), mask_files

    def _own_ending(self, folder: Path) -> str:
        """The ending by which masks are told from images in one folder.

        Raises:
            InputError: there is none of the usual ones.
        """
        stems = self.found(folder)
        for ending in MASK_ENDINGS:
            if any(stem.endswith(ending) for stem in stems):
                return ending
        raise InputError(
            f"{folder} holds images and masks, and no stem ends in {', '.join(MASK_ENDINGS)}: say "
            "with mask_ending how those of masks end"
        )


def _channels(images: Sequence[Path], several: int = 1) -> dict[str, int]:
    """The key that says how many channels images have; three need not be said."""
    bands = several if several > 1 else bands_of(images)
    return {} if bands in (None, 3) else {"channels": bands}


def _in_one_folder(folder: Path) -> list[Recognised]:
    """Images whose masks lie beside them, with one of the usual endings."""
    stems = pictures_in(folder)
    for ending in MASK_ENDINGS:
        masks = {s.removesuffix(ending): p for s, p in stems.items() if s.endswith(ending)}
        images = {s: p for s, p in stems.items() if not s.endswith(ending)}
        both = [stem for stem in images if stem in masks]
        if 2 * len(both) <= max(len(images), len(masks)) or not look_like_masks(
            [masks[stem] for stem in both]
        ):
            continue
        lonely = [path for stem, path in images.items() if stem not in masks]
        bare = [path for stem, path in masks.items() if stem not in images]
        lacking = [f"image {path} has no mask" for path in lonely]
        lacking += [f"mask {path} has no image" for path in bare]
        settings = {"root": folder, "images": Path(), "masks": Path(), "mask_ending": ending}
        settings |= _channels([images[stem] for stem in both]) | left_out([*lonely, *bare])
        evidence = f"{len(both)} images have a mask beside them whose name ends in {ending}"
        files = tuple(images[stem] for stem in both)
        theirs = tuple(masks[stem] for stem in both)
        return [Recognised(settings, evidence, "likely", tuple(lacking), files, theirs)]
    return []


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
            ``range``, ``exif``, ``array``, ``mask_array``, ``exclude``, ``subfolders``,
            ``subject``, ``group``, ``direction``.

    Raises:
        InputError: a missing folder, an image without a mask or the reverse, an option that does
            not fit. Loading a record raises it too: unreadable files, sizes that differ, labels
            outside the classes.
    """
    return read(
        FoldersReader, name=name, images=images, masks=masks, **label_fields(truth), **options
    )
