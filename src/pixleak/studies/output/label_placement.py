"""Placement of labels beside the points of a figure."""

from __future__ import annotations

import numpy as np

from pixleak.core.tables import Floats

_GAPS = 4.0 + 4.0 * np.arange(1, 14)
"""Distances from the point that are tried, in points."""

_TURNS = 16
"""Directions that are tried."""


def place_labels(
    points: Floats, sizes: Floats, bars: Floats, frame: Floats, scale: float
) -> tuple[Floats, Floats]:
    """Put each label where it covers neither another label nor a marker.

    Covering labels and markers costs most, then leaving the axes, then crossing bars; and nearer is
    better.

    Args:
        points: (n, 2) centres of the markers, in pixels.
        sizes: (n, 2) width and height of the labels, in pixels.
        bars: (m, 4) boxes of lines to avoid; a box is left, bottom, right, top.
        frame: (4,) box of the axes.
        scale: pixels per point.

    Returns:
        (n, 4) boxes of the labels, and (n,) their distances from the markers in pixels.
    """
    angles = 2 * np.pi * np.arange(_TURNS) / _TURNS
    directions = np.tile(np.stack([np.cos(angles), np.sin(angles)], axis=1), (len(_GAPS), 1))
    gaps = scale * np.repeat(_GAPS, _TURNS)
    taken = np.hstack([points - 5 * scale, points + 5 * scale])
    boxes, distances = np.zeros((len(points), 4)), np.zeros(len(points))
    # The crowded ones first: they have the least choice.
    crowding = [np.hypot(*(points - point).T).mean() for point in points]
    for i in np.argsort(crowding, kind="stable"):
        corners = points[i] + gaps[:, None] * directions + sizes[i] * (directions - 1) / 2
        tried = np.hstack([corners, corners + sizes[i]])
        outside = sizes[i].prod() - overlap(tried, frame[None])
        costs = 10 * overlap(tried, taken) + 30 * outside + overlap(tried, bars) + 4 * gaps
        best = int(costs.round(6).argmin())  # the first of equals, whatever the rounding
        boxes[i], distances[i] = tried[best], gaps[best]
        taken = np.vstack([taken, boxes[i]])
    return boxes, distances


def overlap(boxes: Floats, others: Floats) -> Floats:
    """(k,) area that each of (k, 4) boxes shares with (m, 4) others, summed over these."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared: Floats = np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)
    return shared
