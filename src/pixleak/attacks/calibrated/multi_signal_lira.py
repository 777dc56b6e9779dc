"""Multi-signal LiRA: a likelihood ratio over the vector of many signals, each side one Gaussian.

Where several signals tell of membership, their joint likelihood ratio uses what each adds to the
others. A record's vector is taken as normal under the models that hold it and under those that lack
it, each with the record's own mean and one covariance for all records, shrunk to its diagonal::

    d_j     = s_j - mean over the models of a side
    S       = covariance of the references' own deviations on that side, shrunk
    log N_j = -(d_j' S^-1 d_j) / (2 (1 + 1/n)) - log det S / 2
    score_j = log N_j(holding) - log N_j(lacking)

A record that lacks a signal is scored from the others, by the matching parts of ``S``.

Source:
    After Carlini, Chien, Nasr, Song, Terzis, Tramer, "Membership Inference Attacks From First
    Principles", S&P 2022, arXiv:2112.03570 (section VI.C: several queries of one record as one
    multivariate Gaussian).

Differs from the source:
    Their vector is of augmented queries of one signal, with a covariance for each record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.attacks.base import Attack
from pixleak.attacks.calibrated.moments import equally_many, moments, shrunk_covariance
from pixleak.attacks.evidence import Evidence
from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats


@dataclass(frozen=True, kw_only=True)
class MultiSignalLira(Attack):
    """Log ratio of two multivariate normal densities.

    Args:
        shrinkage: weight of the diagonal in the covariances, 0 to 1.

    Example:
        One signal: models that hold the record have 1 and 3, those that lack it 5 and 7. Deviations
        -1 and 1, each times sqrt(2): the variance of both sides is 2. A target's 2 lies 4 from the
        second mean: 16 / (2 * 2 * 1.5) = 2.667.

        >>> held = [[True], [True], [False], [False]]
        >>> score = MultiSignalLira().score_arrays(
        ...     [[2.0]], [[[1.0]], [[3.0]], [[5.0]], [[7.0]]], held, members_are="lower"
        ... )
        >>> score.round(3).tolist()
        [2.667]
    """

    name: ClassVar[str] = "multi-signal-lira"
    title: ClassVar[str] = "Multi-signal LiRA"
    summary: ClassVar[str] = "likelihood ratio over the vector of many signals"
    source: ClassVar[str] = "after Carlini 2022, arXiv:2112.03570"
    signals: ClassVar = "many"
    partial: ClassVar[bool] = True
    min_references: ClassVar[int] = 4
    min_inside: ClassVar[int] = 2
    min_outside: ClassVar[int] = 2
    natural_threshold: ClassVar[float | None] = 0.0

    shrinkage: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.shrinkage <= 1:
            raise InputError(f"shrinkage must be from 0 to 1, got {self.shrinkage}")

    def _score(self, evidence: Evidence) -> Floats:
        inside = self._log_density(evidence, evidence.member)
        return inside - self._log_density(evidence, ~evidence.member)

    def _log_density(self, evidence: Evidence, side: Bools) -> Floats:
        # Equally many for all records: their number would show in the score.
        models = equally_many(evidence.reference, side)
        chosen = models[:, :, None] & evidence.reference_measured
        found = moments(evidence.reference, chosen)
        covariance = shrunk_covariance(evidence.reference, chosen, found, self.shrinkage)
        distance = evidence.values - found.mean
        density = np.zeros(len(distance))
        # Records with the same signals share one matrix.
        patterns, of = np.unique(evidence.measured, axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            rows = np.flatnonzero(of.ravel() == number)
            part = covariance[np.ix_(pattern, pattern)]
            away = distance[np.ix_(rows, pattern)]
            widened = 1 + 1 / found.count[np.ix_(rows, pattern)].min(axis=1)
            square = np.einsum("rs,sr->r", away, np.linalg.solve(part, away.T)) / widened
            density[rows] = -0.5 * (square + np.linalg.slogdet(part).logabsdet)
        return density
