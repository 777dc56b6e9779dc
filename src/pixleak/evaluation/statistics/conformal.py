"""The rank of one score among those of comparable records, with a p-value.

If the queried record is exchangeable with the n reference records, its rank among all n + 1 is
uniform, whatever the distribution::

    p = (1 + #{reference scores >= the record's}) / (n + 1)

If the scores come from a regression, it must treat all n + 1 records alike for this to hold, so it
is fitted on all of them together (full conformal prediction).

Source:
    Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005; Bates, Candès, Lei,
    Romano, Sesia, "Testing for outliers with conformal p-values", Annals of Statistics 51, 2023,
    arXiv:2104.08279.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixleak.core.tables import Floats
from pixleak.evaluation.statistics.rates import clopper_pearson
from pixleak.results.base import Rate


@dataclass(frozen=True)
class ConformalRank:
    """The rank of a record among reference non-members.

    Args:
        above: share of them whose score is at least the record's, with its interval.
        p_value: one-sided, of the hypothesis that the record is one of them.
    """

    above: Rate
    p_value: float


def conformal_rank(score: float, reference: Floats, level: float = 0.95) -> ConformalRank:
    """The rank of a score among reference scores; higher = more likely a member.

    Example:
        >>> found = conformal_rank(2.0, np.array([0.0, 1.0, 2.0, 3.0]))
        >>> found.above.successes, found.above.trials, found.p_value
        (2, 4, 0.6)
    """
    n = len(reference)
    hits = int((reference >= score).sum())
    bounds = clopper_pearson(hits, n, level)
    rate = Rate(value=hits / n, low=bounds.low, high=bounds.high, successes=hits, trials=n)
    return ConformalRank(rate, (1 + hits) / (n + 1))


def joint_residuals(columns: Floats, values: Floats) -> Floats:
    """(n,) studentised residuals of least squares of ``values`` on an intercept and ``columns``.

    They are internally studentised, ``e_i / (s sqrt(1 - h_i))``, which treats all records alike.

    Args:
        columns: (n, p); p may be 0.
        values: (n,).

    Example:
        Three values about their mean 2: residuals -1, 0, 1, s = 1, leverage 1/3 each.

        >>> joint_residuals(np.empty((3, 0)), np.array([1.0, 2.0, 3.0])).round(3).tolist()
        [-1.225, 0.0, 1.225]
    """
    n = len(values)
    centre, scale = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(centre), 1e-12), scale, 1.0)
    design = np.concatenate([np.ones((n, 1)), (columns - centre) / scale], axis=1)
    left, singular, _ = np.linalg.svd(design, full_matrices=False)
    left = left[:, singular > 1e-10 * singular[0]]
    residuals = values - left @ (left.T @ values)
    leverage = np.minimum((left**2).sum(axis=1), 1 - 1e-12)
    freedom = max(n - left.shape[1], 1)
    spread = float(np.sqrt((residuals**2).sum() / freedom))
    if not spread > 0:
        return np.zeros(n)
    return np.asarray(residuals / (spread * np.sqrt(1 - leverage)))
