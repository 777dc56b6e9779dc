"""The records that look most like a record, outside its own unit."""

from __future__ import annotations

import numpy as np

from pixleak.records.checks.descriptors import LOW, Descriptors
from pixleak.records.checks.near_copies import Positions

NEIGHBOURS = 3
_CELLS = 1 << 23


def nearest_pictures(found: Descriptors, unit: Positions, count: int = NEIGHBOURS) -> Positions:
    """(e, 2) each record with its nearest neighbours of other units, by the lowest frequencies.

    Args:
        found: of n records; blank ones have no neighbours and are nobody's.
        unit: (n,) unit of each record.
        count: neighbours of each record.
    """
    shown = np.flatnonzero(~found.blank)
    count = min(count, len(shown) - 1)
    if count < 1:
        return np.zeros((0, 2), dtype=np.int64)
    low = np.ascontiguousarray(found.values[shown, :LOW])
    of = unit[shown]
    half = np.square(low).sum(axis=1) / 2
    step = max(1, _CELLS // len(shown))
    edges = []
    for start in range(0, len(shown), step):
        block = slice(start, start + step)
        distance = half[None, :] - low[block] @ low.T
        distance[of[block, None] == of[None, :]] = np.inf
        closest = np.argpartition(distance, count - 1, axis=1)[:, :count]
        own = np.repeat(np.arange(start, start + len(closest)), count)
        known = np.isfinite(np.take_along_axis(distance, closest, axis=1)).ravel()
        edges.append(np.stack([shown[own[known]], shown[closest.ravel()[known]]], axis=1))
    return np.concatenate(edges)
