"""Images and label maps that a program hands over: tensors, arrays and Pillow images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.pixels import ValueRange, to_tensor
from pixleak.records.readers.files.raster import (
    MANY_PAGES,
    Exif,
    Raster,
    as_shown,
    of_image,
    orientation_of,
)


def shows_image(value: object) -> bool:
    """Whether a value can be an image or a label map."""
    return isinstance(value, Image.Image) or len(getattr(value, "shape", ())) >= 2


def _array(value: object, where: str) -> Tensor:
    """The value as a tensor; arrays get their channels first."""
    if isinstance(value, Tensor):
        return value.detach().cpu().as_subclass(Tensor)
    pixels: NDArray[Any] = np.asarray(value)
    if pixels.dtype == object or pixels.dtype.kind not in "biuf":
        raise InputError(f"{where} is a {type(value).__name__}, expected a tensor or an array")
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 3, 4) and pixels.shape[0] not in (1, 3):
        pixels = pixels.transpose(2, 0, 1)
    wider = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}
    kind = pixels.dtype.newbyteorder("=")
    return torch.from_numpy(np.array(pixels, dtype=wider.get(str(kind), kind)))


def read_image_value(
    value: object,
    where: str,
    between: ValueRange | None,
    exif: Exif,
    size: Sequence[int] | None = None,
) -> Tensor:
    """(c, h, w) float32; bytes are scaled to [0, 1], floats are kept unless a range is given.

    Where the size of the label map says so, the last axis is taken for the channels.

    Raises:
        InputError: it is no image, its values have no one meaning, or it is stored turned.
    """
    if isinstance(value, Image.Image):
        raster = _shown(value, where, str(value.format or ""), False, exif)
        return to_tensor(raster, raster.coloured.shape[2], None, between)
    image = _array(value, where)
    if image.ndim == 2:
        image = image[None]
    if size is not None and image.ndim == 3 and image.shape[1:] != size == image.shape[:2]:
        image = image.permute(2, 0, 1).contiguous()
    kind = str(image.dtype).removeprefix("torch.")
    if image.is_floating_point() and not image.isfinite().all():
        raise InputError(f"{where} holds NaN or infinite values")
    if between is not None:
        low, high = between
        return ((image.double() - low) / (high - low)).clamp(0, 1).float()
    if image.dtype == torch.uint8:
        if image.numel() and int(image.max()) == 1:
            raise InputError(
                f"{where} holds bytes of which only 0 and 1 occur; say with range (of "
                "read_dataset, or of the reader dataset) what they mean: (0, 1), or (0, 255) if "
                "it is black"
            )
        return image.float() / 255
    if image.dtype != torch.bool and not image.is_floating_point():
        raise InputError(
            f"{where} is {kind}, expected floats, or bytes 0..255; or say with range (of "
            "read_dataset, or of the reader dataset) which values become 0 and 1"
        )
    return image.float()


def read_label_value(value: object, where: str, reader: LabelReader) -> Tensor:
    """(h, w) int64 labels, of a label map in one channel or of one channel per class.

    Raises:
        InputError: it is no label map, its values are no labels, or it is stored turned.
    """
    if isinstance(value, Image.Image):
        kind = str(value.format or "")
        lossy = kind in ("JPEG", "MPO")
        return reader.convert(_shown(value, where, kind, lossy, reader.exif), None)
    labels = _array(value, where)
    grey = labels.ndim == 3 and labels.shape[0] == 3 and bool((labels == labels[:1]).all())
    if labels.ndim == 3 and (labels.shape[0] == 1 or grey):
        labels = labels[0]
    elif labels.ndim == 3 and reader.colours is None:
        labels = _of_one_hot(labels, reader.truth.classes, where)
    elif labels.ndim == 3:
        labels = labels.permute(1, 2, 0)
    if labels.ndim not in (2, 3):
        raise InputError(
            f"{where}: its label map has shape {tuple(labels.shape)}, expected (height, width)"
        )
    whole = labels.is_floating_point() and reader.threshold is None and labels.isfinite().all()
    if whole and (labels.floor() != labels).any():
        fraction = float(labels[labels.floor() != labels][0])
        raise InputError(
            f"{where}: its label map holds fractions ({fraction:.4g}); "
            "labels must be whole numbers, so don't scale or interpolate masks"
        )
    pixels = labels.numpy()
    raster = Raster(where, pixels if pixels.ndim == 3 else pixels[..., None])
    return reader.convert(raster, None)


def _of_one_hot(labels: Tensor, classes: int, where: str) -> Tensor:
    """(h, w) labels of (classes, h, w) layers of which exactly one is 1 at each pixel."""
    layers = labels.double()
    binary = bool(((layers == 0) | (layers == 1)).all())
    if labels.shape[0] == classes and binary and (layers.sum(dim=0) == 1).all():
        return layers.argmax(dim=0)
    raise InputError(
        f"{where}: its label map has shape {tuple(labels.shape)}; expected (height, width), or "
        f"{classes} layers of 0 and 1 of which each pixel has one (give mask_colours if it is in "
        "colours)"
    )


def _shown(image: Image.Image, where: str, kind: str, lossy: bool, exif: Exif) -> Raster:
    """The raster of a Pillow image; pages and orientation are treated as those of a file are."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and kind in MANY_PAGES and image.tell() == 0:
        raise InputError(
            f"{where} holds {frames} pages or frames, and a record is one image; return the one "
            "that is meant, as in image.copy()"
        )
    settings = "exif (of read_dataset, or of the reader dataset)"
    return as_shown(
        of_image(image, where, kind, lossy), orientation_of(image), exif, where, settings
    )
