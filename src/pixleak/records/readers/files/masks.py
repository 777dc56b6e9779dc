"""Mask files as label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageColor
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.prepared.validate import outside
from pixleak.records.readers.files.held_file import HeldFile
from pixleak.records.readers.files.pixels import LUMA, Size, resampled
from pixleak.records.readers.files.raster import Exif, Raster, opened

Colour = tuple[int, int, int]
_DARK, _BRIGHT = 8, 247
_FAR = 2**62


def colour_map(given: Mapping[str, int]) -> tuple[tuple[Colour, int], ...]:
    """(colour, label) pairs from names of colours, ``"#ff0000"``, ``"red"`` or ``"255, 0, 0"``.

    Raises:
        InputError: a name is none.

    Example:
        >>> colour_map({"black": 0, "#ff0000": 1, "0, 0, 255": 2})
        (((0, 0, 0), 0), ((255, 0, 0), 1), ((0, 0, 255), 2))
    """
    found = []
    names: dict[Colour, str] = {}
    for name, label in given.items():
        try:
            text = name if any(c.isalpha() or c == "#" for c in name) else f"rgb({name})"
            parts = ImageColor.getrgb(text)
            if len(parts) != 3 or max(parts) > 255:
                raise ValueError("it has transparency, or numbers beyond 255")
            red, green, blue = parts
        except ValueError as error:
            raise InputError(
                f"mask_colours: {name!r} is no colour; write '#ff0000', 'red' or '255, 0, 0'"
            ) from error
        if (twin := names.setdefault((red, green, blue), name)) != name:
            raise InputError(f"mask_colours: {twin!r} and {name!r} are one colour; name it once")
        found.append(((red, green, blue), label))
    return tuple(found)


def check_named(
    raw: NDArray[Any], pairs: tuple[tuple[int, int], ...], where: str, key: str
) -> None:
    """Refuse values that a mapping does not name and that mean something else as a label.

    Raises:
        InputError: naming the value.
    """
    handed = {label for _, label in pairs}
    named = {value for value, _ in pairs}
    stray = [v for v in np.unique(raw).tolist() if v not in named and v in handed]
    if stray:
        raise InputError(
            f"{where}: value {stray[0]} is in the file and {key} does not name it, but hands out "
            f"label {stray[0]} for another value; name it too, as in {{{stray[0]}: ...}}"
        )


@dataclass(frozen=True)
class LabelReader:
    """Turns mask files into label maps.

    With two classes and none of the other settings, a mask may hold 0 and 1, 0 and 255, black and
    white as a palette, or one bit; JPEG masks, whose borders are smeared by compression, are
    thresholded at 127. Palette images of more classes hold labels as indices.

    Args:
        truth: the classes.
        values: (value in the file, label) pairs, or None.
        other: label of all values, or colours, that are not named; None keeps values.
        threshold: values above it are 1, others 0; None where masks hold labels.
        colours: (colour, label) pairs of colour-coded masks, or None.
        exif: what to do with files that are stored turned.
        array: which array of ``.npz`` files is the mask; None if they hold one.
    """

    truth: LabelTruth
    values: tuple[tuple[int, int], ...] | None = None
    other: int | None = None
    threshold: int | None = None
    colours: tuple[tuple[Colour, int], ...] | None = None
    exif: Exif = "refuse"
    array: str | None = None

    def __post_init__(self) -> None:
        check_one_way(self.values, self.colours, self.threshold, self.other)
        if self.threshold is not None and self.truth.classes != 2:
            raise InputError(f"a threshold makes 2 classes, not {self.truth.classes}")

    def open(self, path: Path | str | HeldFile) -> Raster:
        """The decoded file.

        Raises:
            InputError: as :func:`~pixleak.records.readers.files.raster.opened`.
        """
        return opened(path, self.exif, self.array, "mask_array")

    def __call__(self, path: Path | str, size: Size | None) -> Tensor:
        """(h, w) int64 labels, resampled to the nearest pixel.

        Raises:
            InputError: the file cannot be read, is ambiguous, or holds other labels.
        """
        return self.convert(self.open(path), size)

    def convert(self, raster: Raster, size: Size | None) -> Tensor:
        """The same for a file that is decoded already."""
        labels = self._mapped(raster)
        wrong = outside(torch.from_numpy(labels), self.truth)
        if wrong is not None:
            smeared = (labels <= 16) | (labels >= 239)
            if self.truth.classes == 2 and self.values is None and smeared.mean() > 0.95:
                wrong += (
                    ". Most values are near 0 or 255, as in a copy of a compressed mask: set "
                    "threshold to 127"
                )
            raise InputError(f"mask {raster.path}: {wrong}")
        sized = resampled(Image.fromarray(labels), size, Image.Resampling.NEAREST)
        return torch.from_numpy(np.array(sized, dtype=np.int64))

    @property
    def _automatic(self) -> bool:
        given = (self.values, self.threshold, self.colours)
        return self.truth.classes == 2 and all(one is None for one in given)

    def _mapped(self, raster: Raster) -> NDArray[np.int32]:
        if raster.see_through:
            flat = np.ptp(raster.pixels.reshape(-1, raster.pixels.shape[2]), axis=0).max() == 0
            what = "is of one colour, and its shape is drawn in its transparency"
            raise InputError(
                f"mask {raster.path} {what if flat else 'has transparency'}; save the labels as "
                "grey values without transparency"
            )
        if self.colours is not None:
            return self._by_colour(raster)
        if raster.lossy and self.truth.classes > 2:
            raise InputError(
                f"mask {raster.path} is {raster.kind} with lossy compression, which changes labels "
                f"of {self.truth.classes} classes at their borders; save masks as PNG"
            )
        if self.threshold is not None:
            return np.where(_grey(raster) > self.threshold, 1, 0).astype(np.int32)
        if self._automatic and raster.lossy:
            return np.where(_black_and_white(raster) > 127, 1, 0).astype(np.int32)
        if raster.palette is None and self._automatic and self._is_white(raster):
            return (raster.pixels[..., 0] > 0).astype(np.int32)
        if raster.white_is_zero and self.values is None:
            raise InputError(
                f"mask {raster.path} counts white as 0 (photometric interpretation MINISWHITE), "
                "and programs differ in which of its pixels they show as 1; say with mask_values "
                "which stored value is which label, such as {0: 0, 1: 1}"
            )
        if self._automatic and raster.palette is None and self._may_be_void(raster):
            raise InputError(
                f"mask {raster.path} holds 0 and {self.truth.ignore} alone, and "
                f"{self.truth.ignore} is declared ignored: leave ignore out if it is the "
                f"foreground, or say with mask_values that it is not: "
                f"{{0: 0, 1: 1, {self.truth.ignore}: {self.truth.ignore}}}"
            )
        raw = self._indices(raster) if raster.palette is not None else _whole(raster, self.truth)
        if self.values is None:
            return raw
        if self.other is None:
            check_named(raw, self.values, f"mask {raster.path}", "mask_values")
        labels = raw.copy() if self.other is None else np.full_like(raw, self.other)
        for value, label in self.values:
            labels[raw == value] = label
        return labels

    def _is_white(self, raster: Raster) -> bool:
        """Whether a mask of one band, or a grey one saved as RGB, holds 0 and 255 (or 65535)."""
        top = raster.top or (65535 if raster.pixels.dtype == np.uint16 else 255)
        if top == 1 or self.truth.ignore == top or raster.white_is_zero:
            return False
        return _is_grey(raster.pixels) and bool(np.isin(raster.pixels[..., 0], (0, top)).all())

    def _may_be_void(self, raster: Raster) -> bool:
        """Whether a mask of two classes shows black and white, and white is declared ignored."""
        if self.truth.ignore not in (255, 65535) or not _is_grey(raster.pixels):
            return False
        return bool(np.unique(raster.pixels[..., 0]).tolist() == [0, self.truth.ignore])

    def _indices(self, raster: Raster) -> NDArray[np.int32]:
        """Labels of a palette image: by colour if it is black and white, else its indices."""
        assert raster.palette is not None
        indices = raster.pixels[..., 0]
        used = np.unique(indices)
        colours = raster.palette[used].astype(np.int32)
        dark, bright = (colours <= _DARK).all(axis=1), (colours >= _BRIGHT).all(axis=1)
        if self._automatic and (dark | bright).all():
            white = np.zeros(len(raster.palette), dtype=np.int32)
            white[used[bright]] = 1
            return np.asarray(white[indices])
        if self.values is None:
            brightness = colours.sum(axis=1)
            # Black stands for the background, or for what is not labelled.
            black = used[(brightness == 0) & (used != 0) & (used != self.truth.ignore)]
            shifted = len(black) > 0 and 0 not in used and self.truth.background == 0
            unordered = 0 in used and brightness[0] > brightness.min()
            if raster.kind == "GIF" or unordered or shifted:
                raise InputError(
                    f"mask {raster.path} is a palette image whose colours are in no order that "
                    "says which index is which class; name them with mask_colours, such as "
                    f"{{'{_hex(colours[0])}': 0}}"
                )
        return indices.astype(np.int32)

    def _by_colour(self, raster: Raster) -> NDArray[np.int32]:
        assert self.colours is not None
        pixels = raster.coloured
        if pixels.dtype != np.uint8 or pixels.shape[2] not in (1, 3):
            raise InputError(
                f"mask {raster.path} holds {pixels.dtype} in {pixels.shape[2]} bands; a "
                "colour-coded mask has bytes of red, green and blue"
            )
        if raster.lossy:
            raise InputError(
                f"mask {raster.path} is {raster.kind} with lossy compression, which changes its "
                "colours; save masks as PNG"
            )
        wide = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.int32)
        codes = (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
        labels = np.full(codes.shape, -1 if self.other is None else self.other, dtype=np.int32)
        known = np.zeros(codes.shape, dtype=np.bool_)
        for (red, green, blue), label in self.colours:
            here = codes == (red << 16 | green << 8 | blue)
            labels[here] = label
            known |= here
        if self.other is None and not known.all():
            row, column = (int(at[0]) for at in np.nonzero(~known))
            raise InputError(
                f"mask {raster.path} has the colour {_hex(wide[row, column])}, which mask_colours "
                "does not name; name it, or set other"
            )
        return labels


def _hex(colour: NDArray[np.int32]) -> str:
    return "#" + "".join(f"{int(value):02x}" for value in colour)


def check_one_way(
    values: object | None, colours: object | None, threshold: int | None, other: int | None
) -> None:
    """Refuse settings of which one would silently win over another.

    Raises:
        InputError: naming them.
    """
    given = {"mask_values": values, "mask_colours": colours, "threshold": threshold}
    ways = [key for key, value in given.items() if value is not None]
    if len(ways) > 1:
        raise InputError(f"{ways[0]} and {ways[1]} both say how masks become labels; give one")
    if other is not None and ways not in (["mask_values"], ["mask_colours"]):
        raise InputError(
            "other is the label of what mask_values or mask_colours do not name; give one of them"
        )


def _grey(raster: Raster) -> NDArray[Any]:
    """(h, w) grey values, of colours their luminance."""
    pixels = raster.coloured
    if pixels.shape[2] == 1:
        return np.asarray(pixels[..., 0])
    if pixels.shape[2] != 3:
        raise InputError(
            f"mask {raster.path} is an image of {pixels.shape[2]} bands, which have no one "
            "brightness to compare with threshold; save masks in one band"
        )
    if pixels.dtype != np.uint8:
        return np.asarray(pixels @ np.array(LUMA))
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _black_and_white(raster: Raster) -> NDArray[Any]:
    """(h, w) grey values of a mask of two classes that lossy compression has smeared.

    Raises:
        InputError: it is coloured, too dark, or holds more than black and white.
    """
    pixels = raster.coloured.astype(np.int32)
    colour = np.ptp(pixels, axis=2) if pixels.shape[2] == 3 else np.zeros(1)
    if float((colour > 64).mean()) > 0.01:
        raise InputError(
            f"mask {raster.path} is a colour image with lossy compression, which has no one "
            "brightness that tells the classes apart; save masks as PNG, or set threshold"
        )
    grey = _grey(raster)
    brightest = int(grey.max()) if grey.size else 0
    if 0 < brightest <= 127:
        raise InputError(
            f"mask {raster.path} is {raster.kind} with lossy compression, and its brightest value "
            f"is {brightest}, which is no white; save masks as PNG, or set threshold"
        )
    between = int(((grey > 63) & (grey < 192)).sum())
    if between > 16 + int((grey >= 192).sum()) / 2 and between > 0.02 * grey.size:
        raise InputError(
            f"mask {raster.path} is {raster.kind} with lossy compression, and many of its pixels "
            "are neither black nor white; save masks as PNG, or set threshold"
        )
    return grey


def _is_grey(pixels: NDArray[Any]) -> bool:
    """Whether there is one band, or three that are equal."""
    bands = pixels.shape[2]
    return bands == 1 or (bands == 3 and not (pixels[..., :1] != pixels).any())


def _whole(raster: Raster, truth: LabelTruth) -> NDArray[np.int32]:
    """(h, w) values of a grey or 1-bit image, or of a grey image saved as RGB."""
    pixels = raster.stored
    if not _is_grey(pixels):
        bands = pixels.shape[2]
        what = "a colour image" if bands == 3 else f"an image of {bands} bands"
        raise InputError(
            f"mask {raster.path} is {what}; a label map needs one number per pixel (a grey or "
            "palette image), or mask_colours that say which colour is which class"
        )
    found = pixels[..., 0]
    if found.dtype.kind == "f":
        if not np.isfinite(found).all():
            raise InputError(
                f"mask {raster.path} holds NaN or infinite values, which are no labels"
            )
        if (np.floor(found) != found).any():
            raise InputError(f"mask {raster.path} holds fractions; labels must be whole numbers")
        found = np.clip(found, -_FAR, _FAR)
    elif found.dtype == np.uint64:
        found = np.minimum(found, np.uint64(_FAR))
    values = found.astype(np.int64)
    if values.size and max(int(values.max()), -int(values.min())) >= 2**31:
        raise InputError(f"mask {raster.path}: {outside(torch.from_numpy(values), truth)}")
    return values.astype(np.int32)
