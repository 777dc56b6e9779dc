"""Image files as tensors: values of a known range become 0 to 1, others are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import AfterValidator, Field
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.records.readers.files.held_file import HeldFile
from pixleak.records.readers.files.raster import Exif, Raster, opened

_Side = Annotated[int, Field(ge=1, le=8192)]
Size = tuple[_Side, _Side]
"""Height and width in pixels."""


def _ascending(range: tuple[float, float]) -> tuple[float, float]:
    if not (isfinite(range[0]) and isfinite(range[1]) and range[0] < range[1]):
        raise ValueError(f"must ascend, from one number to another, got {list(range)}")
    return range


ValueRange = Annotated[tuple[float, float], AfterValidator(_ascending)]
"""Values in a file that become 0 and 1."""

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey of ITU-R BT.601."""


def check_same_size(first: Raster, second: Raster) -> None:
    """Refuse two files of one record that differ in size.

    Raises:
        InputError: naming both files.
    """
    if first.size != second.size:
        raise InputError(
            f"{first.path} is {first.size[0]} x {first.size[1]} pixels wide and high, "
            f"{second.path} is {second.size[0]} x {second.size[1]}; they must be equal"
        )


def to_tensor(
    raster: Raster, channels: int, size: Size | None, between: ValueRange | None = None
) -> Tensor:
    """(channels, h, w) float32 in [0, 1].

    Bytes are divided by 255 and 16 bits by 65535. Floats must lie in 0..1, and whole numbers of
    other types have no range of their own, unless ``between`` says which values become 0 and 1;
    values beyond these are cut off.

    Args:
        raster: of an image file.
        channels: as many as the file has bands. One band is also repeated for three channels, and
            three bands become one channel by their luminance.
        size: (h, w) to resize to, bilinear with antialiasing; None keeps the size.
        between: the values that become 0 and 1.

    Raises:
        InputError: transparency, another number of bands, or values without a range.
    """
    if raster.alpha is not None and channels == raster.pixels.shape[2] + 1:
        # As many bands are asked for as there are with the last, whatever the file calls that.
        bands = np.concatenate([raster.pixels, raster.alpha[..., None]], axis=2)
        raster = replace(raster, pixels=bands, alpha=None)
    if raster.see_through:
        raise InputError(
            f"image {raster.path} has transparency, which hides part of it; flatten it"
        )
    pixels = raster.coloured
    count = pixels.shape[2]
    if count != channels and {count, channels} != {1, 3}:
        cure = f"set channels to {count}"
        cure += " (grey) or 3 (repeated)" if count == 1 else ""
        cure += " or 1 (luminance)" if count == 3 else ""
        if count > 64 or pixels.shape[0] == channels:
            cure = "its channels may come first: save it as (height, width, channels)"
        raise InputError(
            f"image {raster.path} has {count} band{'s' * (count != 1)}, and channels is "
            f"{channels}; {cure}"
        )
    plain_bytes = pixels.dtype == np.uint8 and raster.top is None and pixels.max(initial=0) != 1
    if plain_bytes and between is None and count in (1, 3):
        picture = Image.fromarray(pixels[..., 0] if count == 1 else pixels)
        if channels in (1, 3):
            picture = picture.convert("L" if channels == 1 else "RGB")
            picture = resampled(picture, size, Image.Resampling.BILINEAR)
            plain = np.asarray(picture, dtype=np.float32)
            planes = plain[None] if channels == 1 else plain.transpose(2, 0, 1)
            return torch.from_numpy(np.ascontiguousarray(planes / np.float32(255)))
    scaled = _scaled(pixels, raster, between)
    if count == 3 and channels == 1:
        scaled = (scaled @ np.array(LUMA, dtype=np.float32))[..., None]
    each = [
        np.asarray(resampled(Image.fromarray(np.ascontiguousarray(scaled[..., c])), size,
                           Image.Resampling.BILINEAR))
        for c in range(scaled.shape[2])
    ]  # fmt: skip
    planes = np.repeat(each[0][None], channels, axis=0) if len(each) == 1 else np.stack(each)
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32))


def _scaled(
    pixels: NDArray[Any], raster: Raster, between: ValueRange | None
) -> NDArray[np.float32]:
    if pixels.dtype == np.bool_:
        return pixels.astype(np.float32)
    if pixels.size and not np.isfinite(pixels).all():
        raise InputError(f"image {raster.path} holds NaN or infinite values")
    found = (float(pixels.min()), float(pixels.max())) if pixels.size else (0.0, 0.0)
    kind = str(pixels.dtype)
    if between is None and kind == "uint8" and raster.top is None and found[1] == 1:
        raise InputError(
            f"image {raster.path} holds bytes of which only 0 and 1 occur; set range to [0, 1], or "
            "to [0, 255] if it is black"
        )
    if between is not None:
        low, high = between
        if pixels.dtype.kind in "iu" and high - low <= 1 and found[1] - found[0] > 1:
            raise InputError(
                f"image {raster.path}: range [{low:g}, {high:g}] would leave two of its values "
                f"{found[0]:g}..{found[1]:g}; range says which values in the file become 0 and 1"
            )
        values = (pixels.astype(np.float64) - low) / (high - low)
        return np.clip(values, 0, 1).astype(np.float32)
    if raster.top is not None and raster.palette is None:
        return pixels.astype(np.float32) / np.float32(raster.top)
    if kind == "uint8":
        return pixels.astype(np.float32) / np.float32(255)
    if kind == "uint16":
        bits = next((n for n in (8, 10, 12, 14) if 0 < found[1] < 2**n), None)
        if bits is not None:
            raise InputError(
                f"image {raster.path} has 16 bits per value, of which only {found[0]:g}.."
                f"{found[1]:g} occur, as in images of {bits} bits; set range to "
                f"[0, {2**bits - 1}], or to [0, 65535] if it is dark"
            )
        return pixels.astype(np.float32) / np.float32(65535)
    if pixels.dtype.kind == "f" and found[0] >= 0 and found[1] <= 1:
        return pixels.astype(np.float32)
    raise InputError(
        f"image {raster.path} holds values of type {kind} in {found[0]:g}..{found[1]:g}, whose "
        "range is not known; set range to the values that are to become 0 and 1, such as "
        "[0, 255] or [-160, 240]"
    )


def resampled(image: Image.Image, size: Size | None, how: Image.Resampling) -> Image.Image:
    """The image at another height and width."""
    if size is None or image.size == size[::-1]:
        return image
    return image.resize(size[::-1], how)


@dataclass(frozen=True)
class ImageReader:
    """Turns image files into tensors; all doors by which an image comes in go through here.

    Args:
        channels: of the tensor.
        size: (h, w) to resize to; None keeps the size.
        between: values that become 0 and 1; None where their type says so.
        exif: what to do with files that are stored turned.
        array: which array of ``.npz`` files is the image; None if they hold one.
    """

    channels: int = 3
    size: Size | None = None
    between: ValueRange | None = None
    exif: Exif = "refuse"
    array: str | None = None

    def open(self, path: Path | str | HeldFile) -> Raster:
        """The decoded file.

        Raises:
            InputError: as :func:`~pixleak.records.readers.files.raster.opened`.
        """
        return opened(path, self.exif, self.array)

    def convert(self, raster: Raster) -> Tensor:
        """(channels, h, w) float32 in [0, 1].

        Raises:
            InputError: as :func:`to_tensor`.
        """
        return to_tensor(raster, self.channels, self.size, self.between)

    def stacked(self, paths: Sequence[str]) -> tuple[Raster, Tensor]:
        """The first of the files of one image, and all of them as one tensor.

        Several files are one channel each, in their order.

        Raises:
            InputError: as :func:`to_tensor`; files that differ in size, or are not as many as
                channels.
        """
        rasters = [self.open(path) for path in paths]
        if len(rasters) == 1:
            return rasters[0], self.convert(rasters[0])
        if len(rasters) != self.channels:
            raise InputError(
                f"image {Path(paths[0]).name} and those that belong to it are {len(rasters)} "
                f"channels; set channels to {len(rasters)}"
            )
        for other in rasters[1:]:
            check_same_size(rasters[0], other)
        one = replace(self, channels=1)
        return rasters[0], torch.cat([one.convert(raster) for raster in rasters])
