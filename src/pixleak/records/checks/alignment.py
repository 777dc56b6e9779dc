"""How a record's image lies against its truth, without any model.

Where masks are drawn, or files are read, differently on the two sides of a split, a mask may be
off by a pixel. Neither image nor mask looks different then; only their edges no longer meet. So the
steps of the image are weighted with the steps of the truth moved by d pixels. Along each axis, with
g the mean absolute difference of neighbouring pixels over the channels, and b the steps of the
truth (1 where the labels of neighbours differ; for true images their mean absolute difference)::

    E(d) = sum over x of b(x) g(x + d)  /  sum over x of b(x),       x and x + d in the image

    peak        E(0) / mean of E(-2), E(-1), E(0), E(1), E(2)        edges meet at all
    lean by d   (E(d) - E(-d)) / (E(d) + E(-d)),   d = 1, 2          where the image's edge is

A mask that lies one pixel too far to the right has its image edges on the left, so that its lean
along that axis is negative. For label maps there is also the share of corners: of all squares of
2 x 2 pixels that an edge passes through, those with three labels alike, or more than two labels, or
a diagonal. Smoothed, resized or redrawn masks have fewer or more of them.

Values are 0 where a record has no steps. Ignored pixels have none.

Source:
    pixleak.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixleak.core.tables import Floats
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records

REACH = 2
"""Largest offset in pixels."""

_BATCH = 32


def alignment_features(records: Records) -> tuple[tuple[str, ...], Floats]:
    """Names and values of the properties above, in the order of the records.

    Returns:
        d names, and (n, d) float64.
    """
    truth = records.truth
    names = [f"{what} {axis}" for axis in ("across", "down") for what in _OF_AN_AXIS]
    if isinstance(truth, LabelTruth):
        names.append("corners of the border")
    blocks: list[Floats] = []
    for batch in records.batches(_BATCH):
        images = batch.images.numpy().astype(np.float64)
        truths = batch.truths.numpy()
        columns = []
        for axis in (2, 1):
            # Records of saved predictions may have no images: then there are no steps.
            steps = np.abs(np.diff(images, axis=axis + 1)).sum(axis=1) / max(images.shape[1], 1)
            if isinstance(truth, LabelTruth):
                edges = _label_steps(truths, axis, truth.ignore)
            else:
                edges = np.abs(np.diff(truths.astype(np.float64), axis=axis + 1)).mean(axis=1)
            columns.append(_along(edges, steps, axis))
        if isinstance(truth, LabelTruth):
            columns.append(_corners(truths, truth.ignore)[:, None])
        blocks.append(np.concatenate(columns, axis=1))
    return tuple(names), np.concatenate(blocks)


_OF_AN_AXIS = ("edges meet", *(f"edges lean by {d}" for d in range(1, REACH + 1)))


def _label_steps(labels: NDArray[np.int64], axis: int, ignore: int | None) -> Floats:
    moved = np.moveaxis(labels, axis, 0)
    differ = moved[1:] != moved[:-1]
    if ignore is not None:
        differ &= (moved[1:] != ignore) & (moved[:-1] != ignore)
    edges: Floats = np.moveaxis(differ, 0, axis).astype(np.float64)
    return edges


def _along(edges: Floats, steps: Floats, axis: int) -> Floats:
    """(b, 1 + REACH) the peak and the leans along one axis."""
    edges, steps = np.moveaxis(edges, axis, 1), np.moveaxis(steps, axis, 1)
    found = {d: _met(edges, steps, d) for d in range(-REACH, REACH + 1)}
    mean = np.mean(list(found.values()), axis=0)
    columns = [_ratio(found[0], mean)]
    for d in range(1, REACH + 1):
        columns.append(_ratio(found[d] - found[-d], found[d] + found[-d]))
    return np.stack(columns, axis=1)


def _met(edges: Floats, steps: Floats, d: int) -> Floats:
    """(b,) E(d), for steps along the second axis."""
    length = edges.shape[1]
    here = slice(max(0, -d), max(0, length - max(0, d)))
    there = slice(max(0, d), max(0, length + min(0, d)))
    weights = edges[:, here]
    total = (weights * steps[:, there]).sum(axis=(1, 2))
    return _ratio(total, weights.sum(axis=(1, 2)))


def _corners(labels: NDArray[np.int64], ignore: int | None) -> Floats:
    """(b,) share of corners among the squares of 2 x 2 pixels that an edge passes through."""
    four = labels[:, :-1, :-1], labels[:, :-1, 1:], labels[:, 1:, :-1], labels[:, 1:, 1:]
    one, right, below, across = four
    passed = (one != right) | (one != below) | (one != across)
    straight = ((one == right) & (below == across)) | ((one == below) & (right == across))
    if ignore is not None:
        valid = np.logical_and.reduce([each != ignore for each in four])
        passed, straight = passed & valid, straight & valid
    count = passed.sum(axis=(1, 2)).astype(np.float64)
    return _ratio((passed & ~straight).sum(axis=(1, 2)).astype(np.float64), count)


def _ratio(over: Floats, under: Floats) -> Floats:
    found: Floats = np.divide(over, under, out=np.zeros_like(over), where=under > 0)
    return found
