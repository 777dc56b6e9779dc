"""One figure from several seeds: its mean, and an interval that no seed is too few for.

With k seeds, v_i the figure at seed i and [l_i, h_i] its own interval, where it has one:

* one seed: v_1 and its own interval, which says nothing about other seeds;
* two seeds: their mean, from the lowest l_i to the highest h_i. A t interval of two is thirteen
  standard errors wide, and of two that happen to agree it has no width at all;
* three and more: ``mean ± max(t(k - 1) * s / sqrt(k), sqrt(sum (v_i - l_i)^2) / k)``, each end with
  its own side of the intervals. The second part is what the intervals of the runs would leave if
  seeds did not differ; it holds where figures saturate and all seeds say 1.

Two conditions are compared seed by seed where they share seeds, since a seed draws records and
weights alike for both. Each seed's difference has the interval of Zou and Donner, from the ends of
both runs' own; the differences are then joined as any figure is.

Source:
    Zou, Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008 (the interval of a difference).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

ENOUGH = 3
"""Seeds from which on nothing is called provisional."""

SHARE = (0.0, 1.0)
DIFFERENCE = (-1.0, 1.0)


@dataclass(frozen=True)
class Measured:
    """A figure of one run.

    Args:
        value: the figure.
        low: end of its interval; None where it has none.
        high: the other end.
        pooled: whether it is a mean over the victims of a pool.
    """

    value: float
    low: float | None = None
    high: float | None = None
    pooled: bool = False


PerSeed = Mapping[str, Measured]
"""Label of a seed -> what was measured with it."""


@dataclass(frozen=True)
class Estimate:
    """A figure over all its seeds.

    Args:
        value: the mean.
        low: end of its interval; None where one seed has none of its own.
        high: the other end.
        seeds: how many it rests on.
        pooled: whether it is, for some of them, a mean over the victims of a pool.
    """

    value: float
    low: float | None
    high: float | None
    seeds: int
    pooled: bool = False

    @property
    def provisional(self) -> bool:
        """Whether the seeds are too few to speak for others."""
        return self.seeds < ENOUGH

    def holds(self, number: float) -> bool:
        """Whether the interval holds a number; one that is not known may hold any."""
        return (self.low is None or self.low <= number) and (
            self.high is None or number <= self.high
        )

    def above(self, number: float) -> bool:
        """Whether the whole interval lies above a number."""
        return self.low is not None and self.low > number

    def below(self, number: float) -> bool:
        """Whether the whole interval lies below a number."""
        return self.high is not None and self.high < number


def joined(found: PerSeed, bounds: tuple[float, float] = SHARE) -> Estimate | None:
    """A figure over its seeds; None where no seed has it.

    Args:
        found: the figure by seed.
        bounds: that its interval is cut to.

    Example:
        >>> alike = {seed: Measured(0.6, 0.5, 0.7) for seed in "012"}
        >>> both = joined(alike)
        >>> round(both.low, 3), both.value, round(both.high, 3)
        (0.542, 0.6, 0.658)
    """
    if not found:
        return None
    # In the order of the seeds, so that sums do not depend on the order of rows.
    runs = [found[seed] for seed in sorted(found)]
    values = np.array([run.value for run in runs])
    ends = [(r.low, r.high) for r in runs if r.low is not None and r.high is not None]
    own = np.array(ends) if len(ends) == len(runs) else None
    mean = float(values.mean())
    low: float | None = None
    high: float | None = None
    if own is not None and len(runs) < ENOUGH:
        low, high = float(own[:, 0].min()), float(own[:, 1].max())
    elif len(runs) > 1:
        reach = _student(values)
        below, above = reach, reach
        if own is not None:
            below = max(below, _root_sum(values - own[:, 0]) / len(runs))
            above = max(above, _root_sum(own[:, 1] - values) / len(runs))
        low, high = mean - below, mean + above
    return Estimate(
        value=mean,
        low=None if low is None else max(low, bounds[0]),
        high=None if high is None else min(high, bounds[1]),
        seeds=len(runs),
        pooled=any(run.pooled for run in runs),
    )


def difference(
    first: PerSeed, second: PerSeed, bounds: tuple[float, float] = DIFFERENCE
) -> Estimate | None:
    """``first - second``, seed by seed where they share seeds; None where one has nothing."""
    shared = {seed: subtracted(first[seed], second[seed]) for seed in first if seed in second}
    if shared:
        return joined(shared, bounds)
    one, other = joined(first), joined(second)
    if one is None or other is None:
        return None
    both = subtracted(
        Measured(one.value, one.low, one.high), Measured(other.value, other.low, other.high)
    )
    return Estimate(
        both.value,
        None if both.low is None else max(both.low, bounds[0]),
        None if both.high is None else min(both.high, bounds[1]),
        min(one.seeds, other.seeds),
        one.pooled or other.pooled,
    )


def subtracted(first: Measured, second: Measured) -> Measured:
    """The difference of two figures, with an interval where both have one.

    Example:
        >>> both = subtracted(Measured(0.8, 0.77, 0.83), Measured(0.6, 0.56, 0.64))
        >>> round(both.value, 3), round(both.low, 3), round(both.high, 3)
        (0.2, 0.15, 0.25)
    """
    value = first.value - second.value
    pooled = first.pooled or second.pooled
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Measured(value, pooled=pooled)
    low = value - math.hypot(first.value - first.low, second.high - second.value)
    high = value + math.hypot(first.high - first.value, second.value - second.low)
    return Measured(value, low, high, pooled)


def _student(values: np.ndarray) -> float:
    k = len(values)
    return float(special.stdtrit(k - 1, 0.975) * values.std(ddof=1) / math.sqrt(k))


def _root_sum(sides: np.ndarray) -> float:
    return float(np.sqrt((sides**2).sum()))
