"""What Pillow leaves out of PNG files: the low bytes of 16-bit colours, and how many bits grey has.

Pillow reads colours of 16 bits by their high bytes alone. Read once more as if the bytes stood the
other way round, it gives the low ones.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pixleak.core.errors import InputError

_GREY, _RGB, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 4, 6


class _Readable(Protocol):
    """A path, or the content of a file."""

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """The content, to be read."""


def _header(path: _Readable) -> tuple[int, int]:
    """Bits per value, and colour type."""
    with path.open("rb") as file:
        start = file.read(26)
    return (start[24], start[25]) if len(start) == 26 else (0, 0)


def grey_bits(path: _Readable) -> int:
    """Bits per value of a grey image; 0 of other images."""
    bits, kind = _header(path)
    return bits if kind == _GREY else 0


def colours_of_16_bits(path: _Readable, image: Image.Image) -> NDArray[np.uint16] | None:
    """(h, w, 3 or 4) values of a colour image of 16 bits; None of other images.

    Args:
        path: of the file.
        image: the file, opened but not decoded; it is decoded here.

    Raises:
        InputError: grey values with transparency of 16 bits.
    """
    bits, kind = _header(path)
    if bits != 16 or kind not in (_RGB, _GREY_ALPHA, _RGB_ALPHA):
        return None
    if kind == _GREY_ALPHA:
        raise InputError(
            f"image file {path} holds grey values and transparency of 16 bits each; save it "
            "without transparency"
        )
    name = "RGB" if kind == _RGB else "RGBA"
    high = np.asarray(image).astype(np.uint16)
    with path.open("rb") as stream, Image.open(stream) as again:
        tiles: Any = again.tile
        again.tile = [one._replace(args=f"{name};16L") for one in tiles]
        low = np.asarray(again).astype(np.uint16)
    return np.asarray((high << 8) | low, dtype=np.uint16)
