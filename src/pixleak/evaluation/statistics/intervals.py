"""Intervals for the area under the ROC.

The interval is the union of two:

1. a stratified **BCa bootstrap**: units (subjects, or records where there are none) are drawn
   with replacement among members and among non-members, the exact AUC is recounted for each of
   the replicates, and its quantiles are corrected for bias and skewness;
2. **Newcombe's** score interval, which solves ``|A - a| = t * sd(a)`` for a with Hanley and
   McNeil's standard deviation at a, so its length is positive even where the bootstrap's is 0::

       sd(a)^2 = a (1 - a) / (m n) * (1 + N (1 - a) / (2 - a) + N a / (1 + a)),  N = (m + n) / 2 - 1

   with m and n divided by the design effect where subjects hold several records (or reduced to
   the number of subjects where the AUC is 0 or 1), and Student's t with the smaller effective
   number of units (Kish) minus one degrees of freedom, which one large subject makes small.

Neither suffices alone: near 1 the bootstrap rests on few misplaced records, and at 1 it would
claim [1, 1]; Newcombe's assumes that both sides have the same spread, and is too short where the
larger side has the larger spread.

Coverage measured at level 0.95, 200 samples per cell (standard error 0.015), 30 to 400 records
per side, AUC 0.5 to 0.99: lowest and mean over the cells, and the lowest of the plain percentile
bootstrap (``benchmarks/auc_coverage.py``):

==========================================  ======  =====  ==========
world                                       lowest  mean   percentile
==========================================  ======  =====  ==========
both sides normal, equal spread             0.940   0.973  0.785
members have twice the spread               0.920   0.963  0.635
only a few members stand out                0.925   0.950  0.835
subjects of 1 to about 15 records           0.920   0.971  0.590
==========================================  ======  =====  ==========

Source:
    Efron, "Better bootstrap confidence intervals", JASA 82, 1987; Newcombe, "Confidence intervals
    for an effect size measure based on the Mann-Whitney statistic. Part 2", Statistics in
    Medicine 25, 2006 (method 5); DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988 (placements);
    Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, 1997.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.rates import Bounds, mean_variance
from pixleak.evaluation.statistics.sample import (
    Ints,
    Sample,
    SampleSide,
    drawn_units,
    sample_of,
)
from pixleak.results.base import Interval

CHUNK = 2_000_000
"""Ints that the bootstrap holds at once: 16 MB per array."""


@dataclass(frozen=True, eq=False)
class Placements:
    """Where each score lies among the scores of the other side.

    Args:
        members: (m,) share of non-members below each member, ties counting one half.
        nonmembers: (n,) share of members above each non-member, ties counting one half.
        auc: the mean of either, counted exactly in half pairs.
    """

    members: Floats
    nonmembers: Floats
    auc: float


def placements_of(sample: Sample) -> Placements:
    """Placements of a sample, in the order of its sides.

    Example:
        >>> from pixleak.evaluation.statistics.sample import SampleSide
        >>> sample = Sample(
        ...     members=SampleSide(np.array([2.0, 3.0]), np.arange(2), 2),
        ...     nonmembers=SampleSide(np.array([1.0, 2.0]), np.arange(2), 2),
        ... )
        >>> placements = placements_of(sample)
        >>> placements.members.tolist(), placements.nonmembers.tolist(), placements.auc
        ([0.75, 1.0], [1.0, 0.75], 0.875)
    """
    members, nonmembers = sample.members.scores, sample.nonmembers.scores
    below = _halves_below(members, nonmembers)
    pairs = 2 * len(members) * len(nonmembers)
    return Placements(
        members=below / (2 * len(nonmembers)),
        nonmembers=1 - _halves_below(nonmembers, members) / (2 * len(members)),
        auc=int(below.sum()) / pairs,
    )


def auc_interval(
    scores: Floats,
    member: Bools,
    *,
    units: Sequence[str] | None = None,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Interval:
    """The AUC of (n,) scores with its interval.

    Args:
        scores: (n,) higher = more likely a member.
        member: (n,) bool.
        units: (n,) subject of each record, or None.
        level: coverage.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: NaN, too few records or subjects, or a subject on both sides.

    Example:
        Ten members, all above ten non-members: the AUC is 1, but uncertain.

        >>> interval = auc_interval(np.arange(20.0), np.arange(20) >= 10)
        >>> interval.value, round(interval.low, 2), interval.high
        (1.0, 0.75, 1.0)
    """
    sample = sample_of(scores, member, units)
    return sample_auc_interval(sample, level=level, replicates=replicates, seed=seed)


def sample_auc_interval(
    sample: Sample, *, level: float = 0.95, replicates: int = 1000, seed: int = 0
) -> Interval:
    """The AUC with its interval, as the module describes.

    Args:
        sample: both sides.
        level: coverage.
        replicates: of the bootstrap; 1,000 replicates of 100,000 scores take seconds.
        seed: of the bootstrap.
    """
    placements = placements_of(sample)
    area = placements.auc
    wide = newcombe(sample, placements, level)
    replicated = auc_replicates(sample, replicates, np.random.default_rng(seed))
    inner = bca(area, replicated, _left_out(sample, placements), level)
    return Interval(
        value=area,
        low=max(min(wide.low, inner.low, area), 0.0),
        high=min(max(wide.high, inner.high, area), 1.0),
        level=level,
        method=f"BCa bootstrap by {sample.unit} ({replicates}), at least as wide as Newcombe's",
    )


def newcombe(sample: Sample, placements: Placements, level: float) -> Bounds:
    """Newcombe's interval at the effective numbers of records."""
    m, n = _effective_sizes(sample, placements)
    units = min(sample.members.effective_units, sample.nonmembers.effective_units)
    quantile = float(special.stdtrit(max(units - 1, 1.0), 0.5 + level / 2))
    area = placements.auc
    both = (m + n) / 2 - 1

    def excess(a: float, sign: float) -> float:
        spread = a * (1 - a) / (m * n) * (1 + both * (1 - a) / (2 - a) + both * a / (1 + a))
        return float(sign * (area - a) - quantile * np.sqrt(spread))

    # An area of 0 or 1 is itself a root, which is not the one sought.
    tiny = 1e-12
    low, high = 0.0, 1.0
    if area > 0:
        low = float(optimize.brentq(excess, 0.0, min(area, 1 - tiny), args=(1.0,)))
    if area < 1:
        high = float(optimize.brentq(excess, max(area, tiny), 1.0, args=(-1.0,)))
    return Bounds(low, high)


def bca(estimate: float, replicates: Floats, left_out: Floats, level: float) -> Bounds:
    """Bias-corrected and accelerated quantiles of (b,) replicates.

    Args:
        estimate: on the sample itself.
        replicates: (b,) bootstrap estimates.
        left_out: influence of each unit (positive where omitting it lowers the estimate).
        level: coverage.
    """
    b = len(replicates)
    below = (replicates < estimate).mean() + (replicates == estimate).mean() / 2
    bias = special.ndtri(np.clip(below, 1 / b, 1 - 1 / b))
    scale = np.sum(left_out**2) ** 1.5
    skewness = np.sum(left_out**3) / (6 * scale) if scale > 0 else 0.0
    shifted = bias + special.ndtri([(1 - level) / 2, (1 + level) / 2])
    shares = special.ndtr(bias + shifted / (1 - skewness * shifted))
    low, high = np.quantile(replicates, shares)
    return Bounds(float(low), float(high))


def auc_replicates(sample: Sample, replicates: int, generator: np.random.Generator) -> Floats:
    """(replicates,) exact AUCs of resampled units, by counting instead of sorting anew."""
    left = np.searchsorted(sample.nonmembers.scores, sample.members.scores, side="left")
    right = np.searchsorted(sample.nonmembers.scores, sample.members.scores, side="right")
    areas = []
    for inside, outside in resampled_counts(sample, replicates, generator):
        below = np.zeros((len(outside), outside.shape[1] + 1), dtype=np.int64)
        np.cumsum(outside, axis=1, out=below[:, 1:])
        twice = np.einsum("ij,ij->i", inside, below[:, left] + below[:, right])
        areas.append(twice / (2 * inside.sum(axis=1) * below[:, -1]))
    return np.concatenate(areas)


def resampled_counts(
    sample: Sample, replicates: int, generator: np.random.Generator
) -> Iterator[tuple[Ints, Ints]]:
    """How often each member (b, m) and non-member (b, n) was drawn, in chunks of b replicates."""
    records = len(sample.members.scores) + len(sample.nonmembers.scores)
    step = max(1, CHUNK // records)
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        yield (
            _drawn(sample.members, size, generator),
            _drawn(sample.nonmembers, size, generator),
        )


def _drawn(side: SampleSide, size: int, generator: np.random.Generator) -> Ints:
    counts = drawn_units(side.count, size, generator)
    return counts[:, side.units] if side.clustered else counts


def _halves_below(scores: Floats, others: Floats) -> Ints:
    """Twice the number of others below each score, ties counting one half."""
    left = np.searchsorted(others, scores, side="left")
    right = np.searchsorted(others, scores, side="right")
    halves: Ints = left + right
    return halves


def _left_out(sample: Sample, placements: Placements) -> Floats:
    """Jackknife influence of each unit of either side, scaled for the skewness of BCa."""
    parts = []
    for side, values in (
        (sample.members, placements.members),
        (sample.nonmembers, placements.nonmembers),
    ):
        sums = np.bincount(side.units, values, minlength=side.count)
        sizes = np.bincount(side.units, minlength=side.count)
        without = (sums.sum() - sums) / (len(values) - sizes)
        parts.append((side.count - 1) / side.count * (without.mean() - without))
    return np.concatenate(parts)


def _effective_sizes(sample: Sample, placements: Placements) -> tuple[float, float]:
    m, n = len(sample.members.scores), len(sample.nonmembers.scores)
    if not sample.clustered:
        return float(m), float(n)
    by_unit = mean_variance(
        placements.members, sample.members.units, sample.members.count
    ) + mean_variance(placements.nonmembers, sample.nonmembers.units, sample.nonmembers.count)
    by_record = mean_variance(placements.members, np.arange(m), m) + mean_variance(
        placements.nonmembers, np.arange(n), n
    )
    if by_record == 0.0:  # complete separation, or all scores equal
        return float(sample.members.count), float(sample.nonmembers.count)
    # At most the number of records, at least two.
    design = max(by_unit / by_record, 1.0)
    return max(m / design, 2.0), max(n / design, 2.0)
