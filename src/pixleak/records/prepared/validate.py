"""Validation of a record before anything is computed from it."""

from __future__ import annotations

import torch
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import Record


def validate(record: Record, truth: Truth, shape: tuple[int, ...] | None, where: str) -> None:
    """Refuse a record that cannot be used.

    Args:
        record: to validate.
        truth: what kind of truth it should have.
        shape: (c, h, w) of a record before it, or None for the first; heights and widths may
            differ.
        where: name of the set, for messages.

    Raises:
        InputError: a wrong type or shape, values that are not finite, labels outside the
            classes, or a truth in which every pixel is ignored.
    """
    name = f"{where}: record {record.key.id!r}"
    image = record.image
    if image.ndim != 3 or not image.is_floating_point():
        raise InputError(
            f"{name}: an image must be (channels, height, width) floats, "
            f"got {tuple(image.shape)} {_kind(image)}"
        )
    if shape is not None and image.shape[0] != shape[0]:
        raise InputError(
            f"{name}: its image is {_size(image.shape)}, those before it are {_size(shape)}; "
            "all must have as many channels"
        )
    if not torch.isfinite(image).all():
        raise InputError(f"{name}: its image holds NaN or infinite values")
    if isinstance(truth, LabelTruth):
        _validate_labels(record.truth, image, truth, name)
    else:
        _validate_image_truth(record.truth, image, truth, name)


def _validate_labels(labels: Tensor, image: Tensor, truth: LabelTruth, name: str) -> None:
    if labels.ndim != 2 or labels.is_floating_point() or labels.is_complex():
        raise InputError(
            f"{name}: a label map must be (height, width) integers, "
            f"got {tuple(labels.shape)} {_kind(labels)}"
        )
    if labels.shape != image.shape[1:]:
        raise InputError(
            f"{name}: its label map is {_size(labels.shape)}, its image {_size(image.shape)}; "
            "they must have the same height and width"
        )
    wrong = outside(labels, truth)
    if wrong is not None:
        raise InputError(f"{name}: {wrong}")
    if truth.ignore is not None and (labels == truth.ignore).all():
        raise InputError(
            f"{name}: every pixel has the ignored label {truth.ignore}, so nothing can be "
            "measured; leave the record out"
        )


def outside(labels: Tensor, truth: LabelTruth) -> str | None:
    """What is wrong with label values outside the classes, or None if there are none."""
    bad = (labels < 0) | (labels >= truth.classes)
    if truth.ignore is not None:
        bad &= labels != truth.ignore
    if not bad.any():
        return None
    values = torch.unique(labels[bad]).tolist()
    listed = ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")
    ignored = f" and {truth.ignore} (ignored)" if truth.ignore is not None else ""
    return (
        f"label values {listed} lie outside the classes 0..{truth.classes - 1}{ignored}; map them "
        "to classes, declare them ignored, or raise the number of classes"
    )


def _validate_image_truth(target: Tensor, image: Tensor, truth: ImageTruth, name: str) -> None:
    expected = (truth.channels, *image.shape[1:])
    if tuple(target.shape) != expected or not target.is_floating_point():
        raise InputError(
            f"{name}: its true image must be {_size(expected)} floats, "
            f"got {tuple(target.shape)} {_kind(target)}"
        )
    if not torch.isfinite(target).all():
        raise InputError(f"{name}: its true image holds NaN or infinite values")
    low, high = float(target.min()), float(target.max())
    # Resampling may overshoot by rounding errors only.
    if low < truth.low - 1e-4 or high > truth.high + 1e-4:
        raise InputError(
            f"{name}: its true image spans {low:.4g}..{high:.4g}, declared was "
            f"{truth.low:.4g}..{truth.high:.4g}; rescale it, or declare its range"
        )


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _size(shape: tuple[int, ...] | torch.Size) -> str:
    """``"3 x 64 x 64"``."""
    return " x ".join(map(str, shape))
