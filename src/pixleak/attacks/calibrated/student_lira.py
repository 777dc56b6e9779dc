"""LiRA with few references: Student-t predictive likelihoods in place of normal ones.

With n models on a side, their mean and variance are uncertain themselves. Under normal signals, and
with a variance beforehand (the pooled one) that is worth k further models, the signal of one more
model has a t distribution::

    s ~ t(nu),   location mean_j,   scale^2 = sigma_j^2 (1 + 1/n),   nu = n - 1 + k
    sigma_j^2 = (sum_i (s_ij - mean_j)^2 + k sigma_pooled^2) / (n - 1 + k)
    score_j   = log t(s_j; models that hold j) - log t(s_j; models that lack j)

Its tails are heavier than the normal's, so one unlikely value among few models does not decide the
score. With many models it is LiRA online.

Source:
    Student-t predictive distributions: Gelman et al., "Bayesian Data Analysis", 2013, section 3.2;
    for membership BaVarIA, arXiv:2603.11799; LiRA: Carlini et al., S&P 2022, arXiv:2112.03570.

Differs from the source:
    The weight k of the pooled variance is given and not estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats

from pixleak.attacks.base import Attack
from pixleak.attacks.calibrated.moments import equally_many, moments
from pixleak.attacks.evidence import Evidence
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats


@dataclass(frozen=True, kw_only=True)
class StudentLira(Attack):
    """Log ratio of two Student-t predictive densities.

    Args:
        strength: k, the number of models that the pooled variance counts for.

    Example:
        Two models hold the record and have signals 1 and 3, two lack it and have 5 and 7. With k so
        small that each record is on its own: means 2 and 6, variances 2, scale^2 = 2 * 1.5 = 3, one
        degree of freedom. A target's 2 lies 4 from the second mean: log(1 + 16 / 3) = 1.846.

        >>> held = [[True], [True], [False], [False]]
        >>> score = StudentLira(strength=1e-9).score_arrays(
        ...     [2.0], [[1.0], [3.0], [5.0], [7.0]], held, members_are="lower"
        ... )
        >>> score.round(3).tolist()
        [1.846]
    """

    name: ClassVar[str] = "student-lira"
    title: ClassVar[str] = "Student-t LiRA"
    summary: ClassVar[str] = "likelihood ratio for few references, with Student-t predictions"
    source: ClassVar[str] = "BaVarIA, arXiv:2603.11799, after Carlini 2022, arXiv:2112.03570"
    min_references: ClassVar[int] = 4
    min_inside: ClassVar[int] = 2
    min_outside: ClassVar[int] = 2
    natural_threshold: ClassVar[float | None] = 0.0

    strength: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.strength < np.inf:
            raise InputError(f"student-lira needs strength above 0, got {self.strength}")

    def _score(self, evidence: Evidence) -> Floats:
        densities = []
        for mask in (evidence.inside, evidence.outside):
            # Equally many for all records: their number would show in the score.
            side = moments(evidence.reference, equally_many(evidence.reference, mask))
            variance = side.variance("shrunk", self.strength)
            scale = np.sqrt(variance * (1 + 1 / side.count))
            freedom = side.count - 1 + self.strength
            densities.append(stats.t.logpdf(evidence.values, freedom, side.mean, scale))
        return np.asarray(densities[0] - densities[1])
