"""Near-identical records within one side of the split: re-encoded copies, crops, repeated frames.

A side that holds a picture three times holds one independent observation, not three. Records that
show nearly the same are therefore put into clusters, which count as one unit each.

Two records are near-identical if their distance D (:mod:`pixleak.records.checks.descriptors`) is at
most 0.05 and at most 0.15 of the mean distance of two records of the set. The second part keeps
pictures apart that all look alike, such as aligned slices of different patients. Clusters are the
connected components. **Chaining guard**: where a component holds more than half of its side, the
limit is halved within it, again and again, until it falls apart or only exact copies remain in it.
Blank pictures (empty slices) are in no cluster, since nothing shows that they have one origin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pixleak.core.tables import Floats
from pixleak.records.checks.descriptors import LOW, Descriptors

Positions = NDArray[np.int64]

NEAR, NEAR_SHARE = 0.05, 0.15
"""Largest distance of near-identical records, and the same as a share of the mean distance."""

EXACT = 1e-4
"""Pictures at this distance are copies, at the precision of the arithmetic."""

CHAINED = 0.5
"""Share of a side that a cluster may not exceed unless it consists of exact copies."""

_CELLS = 1 << 23


def near_limit(found: Descriptors) -> float:
    """The largest distance of near-identical records of this set.

    The mean distance of two of n records follows from the sum of their descriptors::

        mean D = (1 - |sum x|^2 / n^2) n / (n - 1)
    """
    shown = found.values[~found.blank].astype(np.float64)
    n = len(shown)
    if n < 2:
        return EXACT
    mean = (1 - float(np.square(shown.mean(axis=0)).sum())) * n / (n - 1)
    return max(EXACT, min(NEAR, NEAR_SHARE * mean))


def near_pairs(found: Descriptors, limit: float) -> tuple[Positions, Positions, Floats]:
    """Positions i < j of all pairs up to the limit, and their distances.

    The lowest frequencies alone bound the distance from below and rule out nearly all pairs. Memory
    is bounded: only a block of rows is compared with the rest at a time.
    """
    shown = np.flatnonzero(~found.blank)
    values = found.values[shown]
    low = np.ascontiguousarray(values[:, :LOW])
    half = np.square(low).sum(axis=1) / 2
    step = max(1, _CELLS // max(len(shown), 1))
    rows, columns, distances = [], [], []
    for start in range(0, len(shown), step):
        block = slice(start, start + step)
        bound = half[block, None] + half[None, start:] - low[block] @ low[start:].T
        i, j = np.nonzero(bound <= limit + 1e-5)
        i, j = i + start, j + start
        i, j = i[i < j], j[i < j]
        for at in range(0, len(i), _CELLS // 512):
            a, b = i[at : at + _CELLS // 512], j[at : at + _CELLS // 512]
            distance = np.square(values[a] - values[b]).sum(axis=1, dtype=np.float64) / 2
            near = distance <= limit
            rows.append(shown[a[near]])
            columns.append(shown[b[near]])
            distances.append(distance[near])
    if not rows:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(distances)


def clusters_of(
    pairs: tuple[Positions, Positions, Floats], count: int, among: Sequence[int], limit: float
) -> tuple[list[list[int]], bool]:
    """Clusters of at least two among these positions, and whether the chaining guard was needed.

    Args:
        pairs: as :func:`near_pairs` gives them.
        count: number of all records.
        among: positions of the records of one side.
        limit: at which the pairs were found.

    Example:
        Three records in a chain are one cluster among seven records; they are more than half of
        five, so there the limit is halved, and the farther pair falls apart.

        >>> pairs = (np.array([0, 1]), np.array([1, 2]), np.array([0.01, 0.04]))
        >>> clusters_of(pairs, 7, range(7), 0.05)
        ([[0, 1, 2]], False)
        >>> clusters_of(pairs, 7, range(5), 0.05)
        ([[0, 1]], True)
    """
    inside = np.zeros(count, dtype=bool)
    inside[list(among)] = True
    i, j, distance = pairs
    kept = inside[i] & inside[j]
    most = CHAINED * int(inside.sum())
    return _components(i[kept], j[kept], distance[kept], count, limit, most)


def _components(
    i: Positions, j: Positions, distance: Floats, count: int, limit: float, most: float
) -> tuple[list[list[int]], bool]:
    if not len(i):
        return [], False
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    found: list[list[int]] = []
    guarded = False
    for part in parts:
        if len(part) < 2:
            continue
        if len(part) <= most or limit <= EXACT:
            found.append(part.tolist())
            continue
        guarded = True
        tighter = max(limit / 2, EXACT)
        kept = (label[i] == label[part[0]]) & (distance <= tighter)
        found += _components(i[kept], j[kept], distance[kept], count, tighter, most)[0]
    return sorted(found), guarded
