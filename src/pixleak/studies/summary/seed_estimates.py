"""One figure from several seeds: its mean, with an interval for any number of seeds.

With k seeds, v_i the figure at seed i and [l_i, h_i] its own interval, where it has one:

* one seed: v_1 and its own interval, which does not cover other seeds;
* two seeds: their mean, from the lowest l_i to the highest h_i. A t interval of two values is
  thirteen standard errors wide, and has no width at all where they happen to agree;
* three and more: ``mean ± max(t(k - 1) * s / sqrt(k), sqrt(sum (v_i - l_i)^2) / k)``, each end with
  its own side of the intervals. The second part is the interval if seeds did not differ; it
  matters where figures saturate and all seeds give 1.

Two conditions are compared seed by seed where they share seeds, since a seed draws the same records
and initial weights for both. The difference at each seed has the interval of Zou and Donner, from
the intervals of both runs; the differences are then combined over seeds as any figure is.

Source:
    Zou, Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008 (the interval of a difference).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from pixleak.results.numbers import area

ENOUGH_SEEDS = 3
"""Results that rest on fewer seeds are called provisional."""

SHARE = (0.0, 1.0)
DIFFERENCE = (-1.0, 1.0)

Ends = tuple[float, float]
"""Lower and upper end of an interval."""


@dataclass(frozen=True)
class Estimate:
    """A figure of one run, or over several seeds.

    Args:
        value: the figure, or the mean over seeds.
        ends: of its interval; None if it has none.
        seeds: number of seeds.
        pooled: whether it is, for some seeds, a mean over the victims of a pool.
    """

    value: float
    ends: Ends | None = None
    seeds: int = 1
    pooled: bool = False

    @property
    def provisional(self) -> bool:
        """Whether there are too few seeds to generalise to others."""
        return self.seeds < ENOUGH_SEEDS

    def contains(self, number: float) -> bool:
        """Whether the interval contains a number; an unknown interval may contain any."""
        return self.ends is None or self.ends[0] <= number <= self.ends[1]

    def above(self, number: float) -> bool:
        """Whether the whole interval lies above a number."""
        return self.ends is not None and self.ends[0] > number

    def below(self, number: float) -> bool:
        """Whether the whole interval lies below a number."""
        return self.ends is not None and self.ends[1] < number

    @property
    def range(self) -> str:
        """``"0.524–0.598"``; ``""`` without an interval."""
        if self.ends is None:
            return ""
        low, high = self.ends
        return f"{area(low)}{'–' if low >= 0 else ' to '}{area(high)}"

    def __str__(self) -> str:
        """``"0.561 (0.524–0.598)"``."""
        return f"{area(self.value)} ({self.range or 'no interval'})"

    def __neg__(self) -> Estimate:
        ends = None if self.ends is None else (-self.ends[1], -self.ends[0])
        return Estimate(-self.value, ends, self.seeds, self.pooled)


PerSeed = Mapping[str, Estimate]
"""Label of a seed -> the figure of its run."""


def mean_over_seeds(found: PerSeed, bounds: Ends = SHARE) -> Estimate | None:
    """A figure over its seeds; None where no seed has it.

    Args:
        found: the figure by seed.
        bounds: that its interval is cut to.

    Example:
        >>> alike = {seed: Estimate(0.6, (0.5, 0.7)) for seed in "012"}
        >>> print(mean_over_seeds(alike))
        0.600 (0.542–0.658)
    """
    if not found:
        return None
    # In the order of the seeds, so that sums do not depend on the order of rows.
    runs = [found[seed] for seed in sorted(found)]
    k = len(runs)
    values = np.array([run.value for run in runs])
    known = [run.ends for run in runs if run.ends is not None]
    own = np.array(known) if len(known) == k else None
    mean = float(values.mean())
    ends: Ends | None = None
    if own is not None and k < ENOUGH_SEEDS:
        ends = float(own[:, 0].min()), float(own[:, 1].max())
    elif k > 1:
        below = above = float(special.stdtrit(k - 1, 0.975) * values.std(ddof=1) / math.sqrt(k))
        if own is not None:
            below = max(below, _root_sum(values - own[:, 0]) / k)
            above = max(above, _root_sum(own[:, 1] - values) / k)
        ends = mean - below, mean + above
    return Estimate(mean, _cut(ends, bounds), k, any(run.pooled for run in runs))


def difference(first: PerSeed, second: PerSeed, bounds: Ends = DIFFERENCE) -> Estimate | None:
    """``first - second``, seed by seed where they share seeds; None where one has no figure."""
    shared = {seed: subtract(first[seed], second[seed]) for seed in first if seed in second}
    if shared:
        return mean_over_seeds(shared, bounds)
    one, other = mean_over_seeds(first), mean_over_seeds(second)
    if one is None or other is None:
        return None
    both = subtract(one, other)
    return replace(both, ends=_cut(both.ends, bounds))


def subtract(first: Estimate, second: Estimate) -> Estimate:
    """The difference of two figures, with an interval where both have one.

    Example:
        >>> print(subtract(Estimate(0.8, (0.77, 0.83)), Estimate(0.6, (0.56, 0.64))))
        0.200 (0.150–0.250)
    """
    value = first.value - second.value
    ends: Ends | None = None
    if first.ends is not None and second.ends is not None:
        low = value - math.hypot(first.value - first.ends[0], second.ends[1] - second.value)
        high = value + math.hypot(first.ends[1] - first.value, second.value - second.ends[0])
        ends = low, high
    return Estimate(value, ends, min(first.seeds, second.seeds), first.pooled or second.pooled)


def _cut(ends: Ends | None, bounds: Ends) -> Ends | None:
    return None if ends is None else (max(ends[0], bounds[0]), min(ends[1], bounds[1]))


def _root_sum(sides: np.ndarray) -> float:
    return float(np.sqrt((sides**2).sum()))
