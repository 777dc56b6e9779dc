"""Image files: finding them, matching them, and decoding one as an image or a label map."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.prepared.validate import outside

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".ppm"}
)
_Side = Annotated[int, Field(ge=1, le=8192)]
Size = tuple[_Side, _Side]
"""Height and width in pixels."""


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that counts: ``frame9`` before ``frame10``."""
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p)


def image_files(folder: Path, ending: str = "") -> dict[str, Path]:
    """Stem without ``ending`` -> image file, in natural order; other files are skipped.

    Raises:
        InputError: the folder is missing or holds no images, or two files have the same stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural(p.name)):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if not path.stem.endswith(ending):
            continue
        stem = path.stem.removesuffix(ending)
        if stem in found:
            raise InputError(f"{folder}: {found[stem].name} and {path.name} have the same stem")
        found[stem] = path
    if not found:
        named = f" named *{ending}" if ending else ""
        raise InputError(f"{folder} holds no images{named} ({', '.join(sorted(SUFFIXES))})")
    return found


def matched(
    first: Mapping[str, Path], second: Mapping[str, Path], names: tuple[str, str]
) -> list[tuple[str, Path, Path]]:
    """(stem, first, second) of files with equal stems, in the order of ``first``.

    Args:
        first: by stem.
        second: by stem.
        names: what the two kinds of file are called in messages: ``("image", "mask")``.

    Raises:
        InputError: a file of either kind has no partner.
    """
    for one, other, (kind, lacking) in ((first, second, names), (second, first, names[::-1])):
        alone = [stem for stem in one if stem not in other]
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            there = next(iter(other.values())).parent
            raise InputError(
                f"{kind} {one[alone[0]]} has no {lacking}{more}: "
                f"expected a file with stem {alone[0]!r} in {there}"
            )
    return [(stem, path, second[stem]) for stem, path in first.items()]


def check_same_size(first: Image.Image, second: Image.Image, path: str, other: str) -> None:
    """Refuse two files of one record that differ in size.

    Raises:
        InputError: naming both files.
    """
    if first.size != second.size:
        raise InputError(
            f"{path} is {first.width} x {first.height} pixels wide and high, {other} is "
            f"{second.width} x {second.height}; they must be equal"
        )


def opened(path: Path | str) -> Image.Image:
    """A decoded image file.

    Raises:
        InputError: the file is missing, truncated, or not an image.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise InputError(f"there is no image file {path}") from error
    # The decoders raise whatever their formats suggest: OSError, SyntaxError, struct.error, ...
    except Exception as error:
        raise InputError(f"image file {path} cannot be read: {error}") from error


def to_tensor(image: Image.Image, channels: int, size: Size | None) -> Tensor:
    """(channels, h, w) float32 in [0, 1].

    Args:
        image: 8 or 16 bits per channel; alpha is dropped.
        channels: 1 (grey) or 3 (RGB).
        size: (h, w) to resize to, bilinear with antialiasing; None keeps the size.
    """
    if image.mode.startswith("I"):
        # 16 bit; Pillow can neither convert nor resize it without clipping.
        grey = Image.fromarray(np.asarray(image, dtype=np.float32) / 65535)
        plane = np.asarray(_resized(grey, size, Image.Resampling.BILINEAR))
        return torch.from_numpy(np.repeat(plane[None], channels, axis=0))
    converted = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(_resized(converted, size, Image.Resampling.BILINEAR), dtype=np.float32)
    planes = pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes / np.float32(255)))


def _resized(image: Image.Image, size: Size | None, how: Image.Resampling) -> Image.Image:
    if size is None or image.size == size[::-1]:
        return image
    return image.resize(size[::-1], how)


@dataclass(frozen=True)
class LabelReader:
    """Turns mask files into label maps.

    With two classes and neither ``values`` nor ``threshold``, a mask may hold 0 and 1, 0 and 255,
    or one bit; JPEG masks, whose borders are smeared by compression, are thresholded at 127.

    Args:
        truth: the classes.
        values: (value in the file, label) pairs, or None.
        other: label of all values that ``values`` does not name; None keeps them.
        threshold: values above it are 1, others 0; None where masks hold labels.
    """

    truth: LabelTruth
    values: tuple[tuple[int, int], ...] | None = None
    other: int | None = None
    threshold: int | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and self.truth.classes != 2:
            raise InputError(f"a threshold makes 2 classes, not {self.truth.classes}")

    def __call__(self, path: Path | str, size: Size | None) -> Tensor:
        """(h, w) int64 labels, resized to the nearest pixel.

        Raises:
            InputError: the file cannot be read, is a colour image, or holds other labels.
        """
        return self.convert(opened(path), path, size)

    def convert(self, image: Image.Image, path: Path | str, size: Size | None) -> Tensor:
        """The same for a file that is decoded already."""
        labels = self._mapped(image, path)
        wrong = outside(torch.from_numpy(labels), self.truth)
        if wrong is not None:
            raise InputError(f"mask {path}: {wrong}")
        sized = _resized(Image.fromarray(labels), size, Image.Resampling.NEAREST)
        return torch.from_numpy(np.array(sized, dtype=np.int64))

    def _mapped(self, image: Image.Image, path: Path | str) -> NDArray[np.int32]:
        threshold = self.threshold
        automatic = self.truth.classes == 2 and self.values is None and threshold is None
        if automatic and image.format == "JPEG":
            threshold = 127
        if threshold is not None:
            grey = image if image.mode.startswith("I") else image.convert("L")
            return np.where(np.asarray(grey) > threshold, 1, 0).astype(np.int32)
        raw = _single_channel(image, path)
        if automatic and self.truth.ignore != 255 and np.isin(np.unique(raw), (0, 255)).all():
            return np.where(raw == 255, 1, 0).astype(np.int32)
        if self.values is None:
            return raw
        labels = raw.copy() if self.other is None else np.full_like(raw, self.other)
        for value, label in self.values:
            labels[raw == value] = label
        return labels


def _single_channel(image: Image.Image, path: Path | str) -> NDArray[np.int32]:
    """(h, w) values of a grey, palette or 1-bit image, or of a grey image saved as RGB."""
    pixels: NDArray[Any] = np.asarray(image)
    if image.mode == "LA":
        pixels = pixels[..., 0]
    elif image.mode in ("RGB", "RGBA"):
        if (pixels[..., :1] != pixels[..., :3]).any():
            raise InputError(
                f"mask {path} is a colour image; a label map needs one number per pixel "
                "(a grey or palette image)"
            )
        pixels = pixels[..., 0]
    elif image.mode != "1" and not (pixels.ndim == 2 and pixels.dtype.kind in "iu"):
        raise InputError(f"mask {path} has image mode {image.mode}, expected grey or palette")
    return pixels.astype(np.int32)
