"""TIFF files of many pages, with masks of as many pages; every page is a record."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Grouping, Labelled, Turnable
from pixleak.records.readers.files.finding import masked_files
from pixleak.records.readers.files.keys import ChannelsKey, FindingKeys, ImageKeys, MaskValueKeys
from pixleak.records.readers.files.layouts import (
    Matching,
    Recognised,
    matching_folders,
    pictures_in,
    relative,
)
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.pixels import ImageReader, check_same_size
from pixleak.records.readers.files.raster import Raster, of_array

_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class _Pages:
    """Loads the i-th page, with that of its masks."""

    images: tuple[str, ...]
    masks: tuple[str, ...]
    at: tuple[tuple[int, int], ...]
    reader: ImageReader
    labels: LabelReader

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        number, page = self.at[index]
        image, mask = _page(self.images[number], page), self.mask(number, page)
        check_same_size(image, mask)
        return self.reader.convert(image), self.labels.convert(mask, self.reader.size)

    def mask(self, number: int, page: int) -> Raster:
        """A page of the masks of one stack."""
        return _page(self.masks[number], page)


class StacksReader(
    Labelled, ChannelsKey, MaskValueKeys, ImageKeys, FindingKeys, Grouping, Turnable
):
    """A folder of TIFF stacks and a folder of stacks of masks, matched by stem.

    A page is a record, and a stack its subject, unless ``subject`` finds another in its name.
    """

    name: ClassVar[str] = "stacks"
    summary: ClassVar[str] = "TIFF files of many pages with masks; a page is a record"

    root: Located = Field(
        Path(), validate_default=True, description="what images and masks are relative to"
    )
    images: Path = Field(Path("images"), description="folder of stacks")
    masks: Path = Field(Path("masks"), description="folder of stacks of masks")
    empty: Literal["keep", "drop"] = Field("keep", description="pages without foreground")
    every: int = Field(1, ge=1, le=100_000, description="keep every n-th page")

    def open(self) -> Records:
        images, masks = self.root / self.images, self.root / self.masks
        files = masked_files(
            {stem: (path,) for stem, path in self.found(images).items()}, self.found(masks)
        )
        load = _Pages(
            tuple(str(paths[0]) for _, paths, _ in files),
            tuple(str(mask) for _, _, mask in files),
            (),
            self.image_reader(self.channels),
            self.label_reader(self.truth(), self.exif),
        )
        keys: list[RecordKey] = []
        at: list[tuple[int, int]] = []
        for number, (stem, (image,), mask) in enumerate(files):
            counts = [len(_stack(str(path))) for path in (image, mask)]
            if counts[0] != counts[1]:
                raise InputError(
                    f"{image} has {counts[0]} pages, {mask} has {counts[1]}; they must be equal"
                )
            found = self.key(stem)
            subject = stem if found.subject is None else found.subject
            for page in range(0, counts[0], self.every):
                if self.empty == "drop" and self._is_empty(load, number, page):
                    continue
                keys.append(RecordKey(f"{stem}-{page:04d}", subject, found.group))
                at.append((number, page))
        if not keys:
            raise InputError(f"{masks}: every page is empty; set empty to keep")
        load = _Pages(load.images, load.masks, tuple(at), load.reader, load.labels)
        return self.directed(Records(keys, load, self.truth(), images.name))

    def _is_empty(self, load: _Pages, number: int, page: int) -> bool:
        labels = load.labels.convert(load.mask(number, page), None).numpy()
        nothing = [one for one in (self.background, self.ignore) if one is not None]
        return bool(np.isin(labels, nothing).all())

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        found = []
        for one in matching_folders(folder, _stacks_in):
            if not _masks_second(one):
                continue
            settings: dict[str, Any] = {
                "root": folder,
                "images": relative(folder, one.first),
                "masks": relative(folder, one.second),
            }
            paths, _ = next(iter(one.files.values()))
            bands = _page(str(paths[0]), 0).pixels.shape[2]
            settings |= {} if bands == 3 else {"channels": bands}
            evidence = f"{one.counted}, and are TIFF files of several pages"
            found.append(Recognised(settings, evidence, "likely", one.lacking))
        return found


def _stacks_in(folder: Path) -> dict[str, Path]:
    """TIFF files of several pages, by stem; none if the first has one page."""
    files = {s: p for s, p in pictures_in(folder).items() if p.suffix.lower() in _SUFFIXES}
    first = next(iter(files.values()), None)
    try:
        return files if first is not None and len(_stack(str(first))) > 1 else {}
    except InputError:
        return {}


def _masks_second(matching: Matching) -> bool:
    """Whether masks are those of the second folder, by how many values they have."""
    paths, mask = next(iter(matching.files.values()))
    try:
        counts = [len(np.unique(_stack(str(path)))) for path in (paths[0], mask)]
    except InputError:
        return False
    return counts[1] < counts[0] and counts[1] <= 300


def _stack(path: str) -> NDArray[Any]:
    """(n, h, w) or (n, h, w, c) pages of a file.

    Raises:
        InputError: it cannot be read, or has other dimensions.
    """
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError as error:
        raise InputError(f"stack {path} cannot be read: {error}") from error
    return _decoded_stack(path, changed)


# Pages of one stack are read one after the other, so the last image and mask are kept.
@lru_cache(maxsize=2)
def _decoded_stack(path: str, changed: int) -> NDArray[Any]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            series = file.series
            axes, shape = series[0].axes, series[0].shape
            pixels = series[0].asarray()
            several = len(series)
    except Exception as error:  # whatever the file makes tifffile raise
        raise InputError(f"stack {path} cannot be read: {error}") from error
    kept = [(a, n) for a, n in zip(axes, shape, strict=True) if n > 1 or a in "YXS"]
    names = "".join(axis for axis, _ in kept)
    pages = names.removesuffix("S").removesuffix("YX")
    flat = names.removesuffix("S").endswith("YX")
    if several != 1 or not flat or len(pages) > 1 or pages == "C":
        raise InputError(
            f"stack {path} has the dimensions {axes} of {tuple(shape)}; expected pages of one "
            "image each, which are (height, width) or (height, width, colours)"
        )
    pixels = pixels.reshape([n for _, n in kept])
    pixels = pixels if pages else pixels[None]
    pixels.flags.writeable = False
    return np.asarray(pixels)


def _page(path: str, page: int) -> Raster:
    where = f"{path}, page {page}"
    return of_array(np.array(_stack(path)[page]), where, where)
