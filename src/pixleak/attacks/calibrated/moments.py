"""Moments over the reference models that lack, or hold, a record.

Axes are (model, record) or (model, record, signal), as in
:class:`~pixleak.attacks.evidence.Evidence`; sums run over models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats

Variance = Literal["own", "pooled", "shrunk"]
"""``own``: each record's from its own models; ``pooled``: one for all records, around each record's
own mean; ``shrunk``: in between."""

SMALLEST = 1e-6
"""Least variance of a record, as a share of the pooled one: models that agree by chance do not make
an attack infinitely confident."""


_CHUNK = 400_000
"""Numbers worked on at a time: about as many as fit a processor's cache."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments over the chosen models, per record.

    Args:
        count: how many models; broadcasts against the others.
        mean: meaningless where there are none.
        squares: sum of squared deviations from that mean.
    """

    count: Floats
    mean: Floats
    squares: Floats

    def of(self, rows: NDArray[np.int64]) -> Moments:
        """Those of these records."""
        return Moments(self.count[rows], self.mean[rows], self.squares[rows])

    def without(self, values: Floats, there: Bools) -> Moments:
        """Those that are left when a model with these values is taken away, where it was there.

        Example:
            >>> some = moments(np.array([[1.0], [3.0], [8.0]]), np.ones((3, 1), dtype=bool))
            >>> rest = some.without(np.array([8.0]), np.array([True]))
            >>> rest.count, rest.mean, rest.squares
            (array([2.]), array([2.]), array([2.]))
        """
        count = self.count - there
        left = np.maximum(count, 1)
        gap = np.where(there, values - self.mean, 0.0)
        mean = self.mean - gap / left
        squares = self.squares - gap * np.where(there, values - mean, 0.0)
        return Moments(count, mean, np.maximum(squares, 0.0))

    @property
    def pooled(self) -> Floats:
        """One variance for all records: pooled deviations from each record's own mean."""
        known = np.broadcast_to(np.maximum(self.count - 1, 0), self.squares.shape)
        pooled: Floats = self.squares.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return pooled

    def variance(self, how: Variance, strength: float) -> Floats:
        """The variance of each record.

        Args:
            how: see :data:`Variance`.
            strength: of the shrinkage, in models: ``(squares + strength pooled) / (count - 1 +
                strength)``.
        """
        pooled = self.pooled
        freedom = np.maximum(self.count - 1, 0)
        if how == "pooled":
            variance = np.broadcast_to(pooled, self.mean.shape)
        elif how == "own":
            variance = self.squares / np.maximum(freedom, 1)
        else:
            variance = (self.squares + strength * pooled) / (freedom + strength)
        floor = np.maximum(SMALLEST * pooled, np.finfo(np.float64).tiny ** 0.25)
        widened: Floats = np.maximum(variance, floor)
        return widened


def moments(reference: Floats, chosen: Bools) -> Moments:
    """Moments over the chosen models.

    Args:
        reference: (m, n) or (m, n, s); what is not chosen is never looked at, so it may be NaN.
        chosen: the same shape, or (m, n) for (m, n, s) where a choice holds for all signals and
            everything is finite.

    Example:
        >>> found = moments(np.array([[1.0], [3.0], [8.0]]), np.array([[True], [True], [False]]))
        >>> found.count, found.mean, found.squares
        (array([2.]), array([2.]), array([2.]))
    """
    shared = chosen.ndim < reference.ndim
    count = chosen.sum(axis=0, dtype=np.float64)
    mean, squares = np.empty(reference.shape[1:]), np.empty(reference.shape[1:])
    each = reference[:, :1].size or 1
    step = max(1, _CHUNK // each)
    for start in range(0, reference.shape[1], step):
        rows = slice(start, start + step)
        part, weight = reference[:, rows], chosen[:, rows]
        known = np.maximum(count[rows], 1)
        if shared:
            # Twice over the data, since a sum of squares about zero would lose digits.
            of = weight.astype(np.float64)
            mean[rows] = np.einsum("mn,mns->ns", of, part) / known[:, None]
            distance = part - mean[rows]
            squares[rows] = np.einsum("mn,mns,mns->ns", of, distance, distance)
        else:
            filled = np.where(weight, part, 0.0)
            mean[rows] = filled.sum(axis=0) / known
            filled -= mean[rows]
            filled *= weight
            squares[rows] = np.einsum("i...,i...->...", filled, filled)
    return Moments(count[:, None] if shared else count, mean, squares)


def shrunk_covariance(values: Floats, chosen: Bools, side: Moments, shrinkage: float) -> Floats:
    """(s, s) covariance of deviations from each record's own mean, shrunk to its diagonal.

    Args:
        values: (m, n, s) of the models.
        chosen: (m, n, s) bool, which of them belong to the side and were measured.
        side: their moments.
        shrinkage: weight of the diagonal, 0 to 1.
    """
    deviation = np.where(chosen, np.where(chosen, values, 0.0) - side.mean, 0.0)
    # n / (n - 1) undoes what centring took from each record's spread.
    deviation *= np.sqrt(side.count / np.maximum(side.count - 1, 1))
    flat = deviation.reshape(-1, deviation.shape[-1])
    seen = chosen.reshape(-1, deviation.shape[-1]).astype(np.float64)
    pairs = np.maximum(seen.T @ seen, 1.0)
    covariance = flat.T @ flat / pairs
    diagonal = np.diag(covariance).copy()
    diagonal[diagonal <= 0] = max(float(diagonal.max(initial=0.0)), 1e-12)
    covariance *= 1 - shrinkage
    # Pairs are counted each on its own, which may leave the matrix indefinite.
    eigen, vectors = np.linalg.eigh(covariance + np.diag(shrinkage * diagonal))
    least = 1e-6 * float(diagonal.mean())
    sound: Floats = (vectors * np.maximum(eigen, least)) @ vectors.T
    return sound


def check_variance(how: Variance, strength: float) -> None:
    """Refuse parameters that no variance can be made from."""
    if how not in ("own", "pooled", "shrunk"):
        raise InputError(f"variance must be own, pooled or shrunk, got {how!r}")
    if not strength > 0:
        raise InputError(f"strength must be above 0, got {strength}")


def equally_many(values: Floats, side: Bools) -> Bools:
    """As many models of a side for every record as the record that has the fewest.

    A mean over more models varies less, so their number would show in the spread of scores. In a
    pool of complementary halves nothing is left out. Which models are left out follows from the
    bits of their values, which depend neither on the order of the models nor on their number.

    Args:
        values: (m, n) or (m, n, s) of the models.
        side: (m, n) bool, the models of the side.

    Example:
        >>> side = np.array([[True, True], [True, False], [True, True]])
        >>> equally_many(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), side).sum(axis=0)
        array([2, 2])
    """
    counts = side.sum(axis=0)
    least = int(counts.min(initial=len(side)))
    if not len(side) or (counts == least).all():
        return side
    keys = np.where(side, _lots(values), np.iinfo(np.uint64).max)
    order = np.argsort(keys, axis=0, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(len(side))[:, None], axis=0)
    chosen: Bools = side & (rank < least)
    return chosen


def _lots(values: Floats) -> NDArray[np.uint64]:
    """(m, n): a number for each model and record, drawn by scrambling the bits of its values."""
    bits = np.ascontiguousarray(np.nan_to_num(values)).view(np.uint64)
    bits = bits * np.uint64(0x9E3779B97F4A7C15)
    lots = bits if bits.ndim == 2 else np.bitwise_xor.reduce(bits, axis=2)
    for shift in (30, 27, 31):
        lots ^= lots >> np.uint64(shift)
        lots *= np.uint64(0xBF58476D1CE4E5B9)
    drawn: NDArray[np.uint64] = lots
    return drawn


def complement(member: Bools, model: int) -> int | None:
    """The model that was trained on exactly the records that this one was not, if there is one.

    In a pool of complementary halves there is, and it must not be among a model's references:
    it is the one whose membership gives the model's own away.
    """
    others = np.flatnonzero((member != member[model]).all(axis=1))
    return int(others[0]) if len(others) else None
