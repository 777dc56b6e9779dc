"""Plain properties of a record, which involve no model.

An audit must not mistake what brightness, texture and masks alone say about membership for leakage:
the shift check compares these properties between members and non-members, and the blind baseline
learns from them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pixleak.core.tables import Floats
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Records

_BATCH = 32
_STATISTICS = ("mean", "std", "5th percentile", "median", "95th percentile")
SIZES = ("height", "width")
"""The last properties, where images differ in size."""

_TEXTURES = ("gradient energy", "total variation")


def plain_features(
    records: Records, *, sizes: bool | None = None
) -> tuple[tuple[str, ...], Floats]:
    """Names and values of the plain properties, in the order of the records.

    For every channel of the image (and of a generator's true image): mean, standard deviation,
    5th, 50th and 95th percentile, all in units of brightness; gradient energy (mean squared
    difference of neighbouring pixels) and total variation (mean absolute difference). For an input
    with other than 1 or 3 channels, such as one-hot labels, only mean and total variation, which
    are the shares and borders of the classes. For label maps: share of every class except the
    background, number of connected regions, and border length (share of neighbouring pixels whose
    classes differ). Ignored pixels are not counted. Height and width are properties as well where
    they differ.

    Args:
        records: n records.
        sizes: whether height and width are among them; None: where they differ.

    Returns:
        d names, and (n, d) float64.
    """
    truth = records.truth
    names: tuple[str, ...] = ()
    blocks: list[Floats] = []
    shapes: list[tuple[int, int]] = []
    for batch in records.batches(_BATCH):
        images = batch.images.numpy()
        shapes += [(images.shape[2], images.shape[3])] * len(images)
        names, values = _image_features(images, "")
        if isinstance(truth, ImageTruth):
            more, of_truth = _image_features(batch.truths.numpy(), "true ")
        else:
            more, of_truth = _label_features(batch.truths.numpy(), truth)
        names += more
        blocks.append(np.concatenate([values, of_truth], axis=1))
    if sizes or (sizes is None and len(set(shapes)) > 1):
        return (*names, *SIZES), np.concatenate(
            [np.concatenate(blocks), np.array(shapes, dtype=np.float64)], axis=1
        )
    return names, np.concatenate(blocks)


def _channel_names(channels: int) -> tuple[str, ...]:
    return ("",) if channels == 1 else ("red ", "green ", "blue ")


def _image_features(images: NDArray[np.float32], prefix: str) -> tuple[tuple[str, ...], Floats]:
    """Names and (b, 7 c) values of (b, c, h, w) images, or (b, 2 c) if c is not 1 or 3."""
    b, channels = images.shape[:2]
    if channels == 0:  # a record of which only the prediction was saved
        return (), np.zeros((b, 0))
    flat = images.reshape(b, channels, -1)
    across = np.diff(images, axis=3).reshape(b, channels, -1)
    down = np.diff(images, axis=2).reshape(b, channels, -1)
    steps = np.concatenate([across, down], axis=2).astype(np.float64)
    if channels not in (1, 3):
        layers = [f"{prefix}layer {c} " for c in range(channels)]
        both = (flat.mean(axis=2, dtype=np.float64), np.abs(steps).mean(axis=2))
        two = ("mean", "total variation")
        told = tuple(f"{layer}{what}" for what in two for layer in layers)
        return told, np.concatenate(both, axis=1).astype(np.float64)
    values = [
        flat.mean(axis=2, dtype=np.float64),
        flat.std(axis=2, dtype=np.float64),
        *np.percentile(flat, (5, 50, 95), axis=2).astype(np.float64),
        (steps**2).mean(axis=2),
        np.abs(steps).mean(axis=2),
    ]
    names = tuple(
        f"{prefix}{channel}{what}"
        for what in _STATISTICS + _TEXTURES
        for channel in _channel_names(channels)
    )
    return names, np.concatenate(values, axis=1)


def _label_features(labels: NDArray[np.int64], truth: LabelTruth) -> tuple[tuple[str, ...], Floats]:
    """Names and (b, number of shares + 2) values of (b, h, w) label maps."""
    classes = [c for c in range(truth.classes) if c != truth.background]
    names = (*(f"share of {truth.name_of(c)}" for c in classes), "regions", "border length")
    return names, np.array([_label_row(one, classes, truth.ignore) for one in labels])


def _label_row(labels: NDArray[np.int64], classes: list[int], ignore: int | None) -> list[float]:
    valid = np.ones(labels.shape, dtype=bool) if ignore is None else labels != ignore
    count = max(int(valid.sum()), 1)
    # Only classes that occur are searched; a map of many classes shows few of them.
    present = set(np.unique(labels).tolist())
    shares, regions = [], 0
    for c in classes:
        here = labels == c
        shares.append(float(here.sum()) / count)
        if c in present:
            regions += int(ndimage.label(here)[1])
    differ = pairs = 0
    for axis in (0, 1):
        both = np.logical_and(*_neighbours(valid, axis))
        first, second = _neighbours(labels, axis)
        differ += int(((first != second) & both).sum())
        pairs += int(both.sum())
    return [*shares, float(regions), differ / max(pairs, 1)]


def _neighbours(field: NDArray[np.generic], axis: int) -> tuple[NDArray[np.generic], ...]:
    """The field without its last line and without its first line along an axis."""
    moved = np.moveaxis(field, axis, 0)
    return moved[:-1], moved[1:]
