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
from pixleak.records.readers.files.pixels import Size, resampled
from pixleak.records.readers.files.raster import Raster, opened

Colour = tuple[int, int, int]
_DARK, _BRIGHT = 8, 247


def colour_map(given: Mapping[str, int]) -> tuple[tuple[Colour, int], ...]:
    """(colour, label) pairs from names of colours, ``"#ff0000"``, ``"red"`` or ``"255, 0, 0"``.

    Raises:
        InputError: a name is none.

    Example:
        >>> colour_map({"black": 0, "#ff0000": 1, "0, 0, 255": 2})
        (((0, 0, 0), 0), ((255, 0, 0), 1), ((0, 0, 255), 2))
    """
    found = []
    for name, label in given.items():
        try:
            text = name if any(c.isalpha() or c == "#" for c in name) else f"rgb({name})"
            red, green, blue = ImageColor.getrgb(text)[:3]
        except ValueError as error:
            raise InputError(
                f"mask_colours: {name!r} is no colour; write '#ff0000', 'red' or '255, 0, 0'"
            ) from error
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
    """

    truth: LabelTruth
    values: tuple[tuple[int, int], ...] | None = None
    other: int | None = None
    threshold: int | None = None
    colours: tuple[tuple[Colour, int], ...] | None = None

    def __post_init__(self) -> None:
        if self.threshold is not None and self.truth.classes != 2:
            raise InputError(f"a threshold makes 2 classes, not {self.truth.classes}")

    def __call__(self, path: Path | str, size: Size | None) -> Tensor:
        """(h, w) int64 labels, resampled to the nearest pixel.

        Raises:
            InputError: the file cannot be read, is ambiguous, or holds other labels.
        """
        return self.convert(opened(path), size)

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
        threshold = 127 if self._automatic and raster.lossy else self.threshold
        if threshold is not None:
            return np.where(_grey(raster) > threshold, 1, 0).astype(np.int32)
        raw = self._indices(raster) if raster.palette is not None else _whole(raster)
        if (
            self._automatic
            and self.truth.ignore != 255
            and raster.palette is None
            and np.isin(np.unique(raw), (0, 255)).all()
        ):
            return np.where(raw == 255, 1, 0).astype(np.int32)
        if self.values is None:
            return raw
        if self.other is None:
            check_named(raw, self.values, f"mask {raster.path}", "mask_values")
        labels = raw.copy() if self.other is None else np.full_like(raw, self.other)
        for value, label in self.values:
            labels[raw == value] = label
        return labels

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
            if raster.kind == "GIF" or (0 in used and brightness[0] > brightness.min()):
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


def _grey(raster: Raster) -> NDArray[Any]:
    pixels = raster.coloured
    if pixels.shape[2] == 1:
        return np.asarray(pixels[..., 0])
    return np.asarray(Image.fromarray(pixels).convert("L"))


def _whole(raster: Raster) -> NDArray[np.int32]:
    """(h, w) values of a grey or 1-bit image, or of a grey image saved as RGB."""
    pixels = raster.pixels
    if pixels.shape[2] == 3 and not (pixels[..., :1] != pixels).any():
        pixels = pixels[..., :1]
    if pixels.shape[2] != 1:
        bands = pixels.shape[2]
        what = "a colour image" if bands == 3 else f"an image of {bands} bands"
        raise InputError(
            f"mask {raster.path} is {what}; a label map needs one number per pixel (a grey or "
            "palette image), or mask_colours that say which colour is which class"
        )
    values = pixels[..., 0].astype(np.int32)
    if pixels.dtype.kind == "f" and (values != pixels[..., 0]).any():
        raise InputError(f"mask {raster.path} holds fractions; labels must be whole numbers")
    return values
