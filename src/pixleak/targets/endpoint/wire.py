"""Images and answers as bytes: PNG, npy and JSON.

What comes from a service is read without trust: no pickle, no shape that the bytes do not fill, no
picture of more pixels than one would ask about.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError, setting

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_MOST_PIXELS = 100_000_000


class UnusableAnswerError(Exception):
    """An answer that came whole, but is not what was asked for."""


class FinalAnswerError(InputError):
    """What a service says or takes, and asking again would not change."""


class CancelledRequestError(InputError):
    """A request that was given up because another one of the run failed."""


def whole_bytes(image: NDArray[np.float32], lowest: float, highest: float) -> NDArray[np.uint8]:
    """An image of 0..1 as bytes; what lies outside is cut off, as noise on an image may.

    Args:
        image: (c, h, w).
        lowest: of all images that are asked about together.
        highest: of the same.

    Raises:
        InputError: the images are in another range.
    """
    if lowest >= -0.01 and highest > 2:
        raise InputError(
            f"images are sent as bytes of 0..1, but these are in {lowest:g}..{highest:g}: set "
            f"{setting('target.input.scale')} to 0.00392157"
        )
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def png_of(image: NDArray[np.uint8]) -> bytes:
    """(c, h, w) bytes as a PNG.

    Raises:
        InputError: no PNG has as many channels.
    """
    from PIL import Image

    if len(image) not in _MODES:
        raise InputError(
            f"a PNG has 1 to 4 channels, the images have {len(image)}: set "
            f"{setting('target.encode')} to npy"
        )
    pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def npy_of(array: NDArray[Any]) -> bytes:
    """An array as an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_npy(content: bytes) -> NDArray[Any]:
    """The array of an .npy file.

    Raises:
        UnusableAnswerError: it is none, or holds something else than numbers.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(stream)
    except (ValueError, KeyError, EOFError) as error:
        raise UnusableAnswerError("it is no .npy file") from error
    numbers(dtype)
    rest = content[stream.tell() :]
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(rest) != wanted:
        raise UnusableAnswerError(
            f"its .npy file holds {len(rest)} bytes where its shape {shape} takes {wanted}"
        )
    return np.frombuffer(rest, dtype).reshape(shape, order="F" if fortran else "C")


def read_json(content: bytes, key: str | None) -> NDArray[Any]:
    """The array of a JSON answer.

    Args:
        content: of the answer.
        key: its entry; None: the answer itself, or its only entry that is a list.

    Raises:
        UnusableAnswerError: it is no JSON, has no such entry, or no array of numbers.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError("it is no JSON") from error
    if isinstance(found, dict):
        lists = [name for name, value in found.items() if isinstance(value, list)]
        chosen = key if key is not None else lists[0] if len(lists) == 1 else None
        if chosen not in found:
            known = ", ".join(map(repr, list(found)[:8])) or "no keys"
            raise UnusableAnswerError(
                f"its JSON has {known}; name the one that is the prediction with "
                f"{setting('target.answer_key')}"
            )
        found = found[chosen]
    return array_of(found)


def array_of(nested: object) -> NDArray[Any]:
    """Nested lists of numbers as an array.

    Raises:
        UnusableAnswerError: they are ragged, or no numbers.
    """
    try:
        array = np.asarray(nested)
    except (ValueError, OverflowError, RecursionError) as error:
        raise UnusableAnswerError("its lists are not of one length") from error
    numbers(array.dtype)
    return array


def read_png(content: bytes, *, colour: bool) -> NDArray[Any]:
    """The values of a PNG: (h, w) labels or grey values, or (c, h, w).

    Args:
        content: of the answer.
        colour: whether it may have colours; a label map has labels or palette entries.

    Raises:
        UnusableAnswerError: it is no PNG, damaged, or has colours where labels are wanted.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(io.BytesIO(content), formats=["PNG"])
            if image.width * image.height > _MOST_PIXELS:
                raise UnusableAnswerError(f"its PNG has {image.width} x {image.height} pixels")
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnusableAnswerError("it is no PNG, or a damaged one") from error
    if image.mode in ("RGB", "RGBA", "LA") and not colour:
        raise UnusableAnswerError(
            f"its PNG has colours (mode {image.mode}), not labels in one channel"
        )
    if colour and image.mode == "P":
        image = image.convert("RGB")
    array = np.asarray(image)
    array = array.astype(np.uint8) if array.dtype == bool else array
    return array if array.ndim == 2 else array.transpose(2, 0, 1)


def numbers(dtype: np.dtype[Any]) -> None:
    """Refuse what is no real number.

    Raises:
        UnusableAnswerError: naming the type.
    """
    if dtype.kind not in "fiub" or dtype.hasobject:
        raise UnusableAnswerError(f"it holds values of type {dtype}, not real numbers")


def one_each(array: NDArray[Any], count: int | None, *, last: bool) -> list[NDArray[Any]]:
    """The answer to each image.

    Args:
        array: of the whole answer.
        count: images that were asked about together; None for one without an axis of its own.
        last: whether channels come last.

    Raises:
        UnusableAnswerError: it is not one answer for each image.
    """
    if count is None:
        parts = [array[0] if array.ndim == 4 and len(array) == 1 else array]
    elif array.ndim < 3 or len(array) != count:
        raise UnusableAnswerError(
            f"its shape is {array.shape}, where one answer for each of {count} images was asked for"
        )
    else:
        parts = list(array)
    if any(part.ndim not in (2, 3) for part in parts):
        raise UnusableAnswerError(
            f"its shape is {array.shape}, where (channels, height, width) or (height, width) for "
            "each image was asked for"
        )
    return [_first(part, last) for part in parts]


def _first(part: NDArray[Any], last: bool) -> NDArray[Any]:
    moved = part.transpose(2, 0, 1) if last and part.ndim == 3 else part
    kept: type[Any] | np.dtype[Any] = np.dtype(part.dtype.newbyteorder("="))
    if part.dtype.kind in "fb":
        kept = np.float32 if part.dtype.kind == "f" else np.uint8
    return np.ascontiguousarray(moved.astype(kept))


def channels_placed(images: Sequence[NDArray[Any]], *, last: bool) -> NDArray[Any]:
    """(c, h, w) images as one (b, c, h, w) or (b, h, w, c) array."""
    array = np.stack(list(images))
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)) if last else array
