"""Shares of records, with exact intervals.

Clopper-Pearson on ``x`` of ``n``::

    low  = Beta(alpha/2; x, n - x + 1)        high = Beta(1 - alpha/2; x + 1, n - x)

Where subjects contribute several records, ``n`` is first reduced to the number of independent
records that would have the same variance (Korn and Graubard), ``n* = p (1 - p) / var(p)`` with
the variance between subjects, or to the number of subjects where p is 0 or 1.

Source:
    Clopper and Pearson, Biometrika 26, 1934; Korn and Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data",
    Survey Methodology 24, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.sample import Ints, SampleSide
from pixleak.results.base import Rate


@dataclass(frozen=True)
class Bounds:
    """Lower and upper end of an interval."""

    low: float
    high: float


def clopper_pearson(successes: float, trials: float, level: float = 0.95) -> Bounds:
    """Exact two-sided interval of a share; counts may be fractional (effective numbers).

    Example:
        No success in 500 trials only shows that the share is below 0.74 %.

        >>> bounds = clopper_pearson(0, 500)
        >>> bounds.low, round(bounds.high, 4)
        (0.0, 0.0074)
    """
    tail = (1 - level) / 2
    failures = trials - successes
    low = special.betaincinv(successes, failures + 1, tail) if successes > 0 else 0.0
    high = special.betaincinv(successes + 1, failures, 1 - tail) if failures > 0 else 1.0
    return Bounds(float(low), float(high))


def mean_variance(values: Floats, units: Ints, count: int) -> float:
    """Variance of the mean of (n,) values that belong to ``count`` independent units."""
    sums = np.bincount(units, values - values.mean(), minlength=count)
    return float(count / (count - 1) * np.sum(sums**2) / len(values) ** 2)


def rate_of(hits: Bools, side: SampleSide, level: float = 0.95) -> Rate:
    """The share of hits among the records of a side.

    Args:
        hits: (n,) in the order of ``side.scores``.
        side: the records and their units.
        level: of the interval.
    """
    trials, successes = len(hits), int(hits.sum())
    share = successes / trials
    effective = float(trials)
    if side.clustered:
        variance = mean_variance(hits.astype(np.float64), side.units, side.count)
        if 0 < successes < trials:
            effective = share * (1 - share) / variance if variance > 0 else effective
        else:
            effective = float(side.count)
        effective = min(max(effective, 1.0), float(trials))
    bounds = clopper_pearson(share * effective, effective, level)
    return Rate(
        value=share,
        low=min(bounds.low, share),
        high=max(bounds.high, share),
        successes=successes,
        trials=trials,
    )
