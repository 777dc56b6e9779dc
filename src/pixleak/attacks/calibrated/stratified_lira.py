"""Stratified LiRA: a likelihood ratio over the vector of strata, with their correlations.

Memorisation is expected on rare classes and borders; in a plain mean, easy background outweighs
them.
Summing over pixels or strata as if they were independent mis-scales the evidence. So the vector
of a record's stratum means (class x border band, signal ``margin-by-stratum``) is taken as normal,
with one covariance for all records and a shift ``d`` for members::

    r_j = s_j - mean of s_ij over the references i that lack j            (a vector)
    S   = covariance of the references' own deviations from that mean, shrunk to its diagonal
    d   = mean of s_ij - (mean over those that lack j), over the references i that hold j
    score_j = d' S^-1 r_j / sqrt(d' S^-1 d) / sqrt(1 + 1 / n_j)

which is the log-likelihood ratio up to a monotone change. A record that lacks a class is scored
from the strata that it has: the matching parts of ``S`` and ``d``. Where no reference holds
any record, ``d`` is taken as one standard deviation in every stratum.

Source:
    pixleak; after Carlini, Chien, Nasr, Song, Terzis, Tramer, "Membership Inference Attacks From
    First Principles", S&P 2022, arXiv:2112.03570.

Differs from the source:
    One direction and one covariance for all records, where LiRA fits each record on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.calibrated.moments import moments, shrunk_covariance
from pixleak.attacks.evidence import Evidence
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats
from pixleak.core.truth import Kind


@dataclass(frozen=True, kw_only=True)
class StratifiedLira(Attack):
    """Likelihood ratio over correlated strata.

    Args:
        shrinkage: weight of the diagonal in the covariance, 0 to 1.
    """

    name: ClassVar[str] = "stratified-lira"
    title: ClassVar[str] = "Stratified LiRA"
    summary: ClassVar[str] = "likelihood ratio over the vector of strata, with their correlations"
    source: ClassVar[str] = "pixleak, after Carlini 2022, arXiv:2112.03570"
    rank: ClassVar = 20
    signals: ClassVar = "many"
    partial: ClassVar[bool] = True
    min_references: ClassVar[int] = 2
    min_outside: ClassVar[int] = 2

    shrinkage: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.shrinkage <= 1:
            raise InputError(f"shrinkage must be from 0 to 1, got {self.shrinkage}")

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        return (("margin-by-stratum",),) if kind == "labels" else (("error-by-detail",),)

    def _score(self, evidence: Evidence) -> Floats:
        outside = moments(evidence.reference, evidence.outside)
        residual = evidence.values - outside.mean
        covariance = shrunk_covariance(
            evidence.reference, evidence.outside, outside, self.shrinkage
        )
        shift = _shift(evidence, outside.mean, np.sqrt(np.diag(covariance)))
        score = np.zeros(len(residual))
        # Records with the same strata share one direction.
        patterns, of = np.unique(evidence.measured, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            rows = np.flatnonzero(of.ravel() == number)
            part, size = covariance[np.ix_(pattern, pattern)], shift[pattern]
            direction = np.linalg.solve(part, size)
            length = np.sqrt(max(float(direction @ size), np.finfo(np.float64).tiny))
            widened = np.sqrt(1 + 1 / outside.count[np.ix_(rows, pattern)].min(axis=1))
            score[rows] = residual[np.ix_(rows, pattern)] @ direction / length / widened
        return score


def _shift(evidence: Evidence, mean: Floats, deviation: Floats) -> Floats:
    """(s,): how much higher a stratum is in references that hold the record."""
    inside = evidence.inside
    held = inside.sum(axis=(0, 1))
    if not held.any():
        return deviation
    gain = np.where(inside, np.where(inside, evidence.reference, 0.0) - mean, 0.0)
    shift: Floats = np.where(held > 0, gain.sum(axis=(0, 1)) / np.maximum(held, 1), 0.0)
    # Only a gain is memorisation; without any, all strata have the same weight.
    shift = np.maximum(shift, 0.0)
    return shift if shift.any() else deviation
