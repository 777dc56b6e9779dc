"""One-sided tests of the hypothesis that an attack is no better than guessing.

Both are tests of exchangeability: if membership changes nothing, every assignment of the units
(subjects, or records) to the two sides was as likely as the actual one.

**AUC of records.** Permuting changes only the linear rank statistic, the sum over members of::

    a_u = midrank - (N + 1) / 2                                  = m n (AUC - 1/2) in total

This is the Mann-Whitney test. It is exact for up to 2,500 pairs of records without ties, uses the
normal limit of the permutation distribution where both sides hold at least 50 records, and seeded
random permutations otherwise. The limit has::

    var = m n / (N (N - 1)) * sum a_u^2                          N = m + n records

**AUC of subjects.** Where subjects hold several records, a sum of ranks also grows with the number
of records, which differs from subject to subject and may differ between the sides. So a difference
of means is permuted, divided by its standard error between subjects. With r_u the mean of
midrank / N over the n_u records of subject u, w_u its weight, and M the weighted mean of r over a
side::

    T  = (M_members - M_nonmembers) / se
    se^2 = sum over sides  U / (U - 1) * sum over its U subjects of w_u^2 (r_u - M)^2 / (sum of w)^2
    w_u = n_u / (1 + (n_u - 1) rho)         rho = intraclass correlation of the ranks, 0 to 1

The weights are those of the least variance, if records of a subject correlate by rho: every record
counts (w = n, and M_members - M_nonmembers = AUC - 1/2) where they are independent, and every
subject (w = 1) where they are alike. rho is that of one-way ANOVA over all subjects together, so
that it does not depend on who is a member. The studentised statistic has the right level
asymptotically also where subjects of the two sides differ in size. A subject that holds more than a
third of the records of its side would decide the test alone; then every subject counts once. From
100 subjects a side on, T is compared with a t distribution.

**TPR at a bounded FPR.** The threshold is the (k + 1)-th largest non-member score, k being the
allowed false positives. At least t members lie above it exactly if at least t of the first t + k
records, ranked by score, are members. Under exchangeability the number of members is therefore
negative hypergeometric, and the test is exact (conservative with ties)::

    p = P[Hypergeometric(m + n records, m of them members, t + k drawn) >= t]

With subjects, the p-value is computed from permutations of the subjects. Where the subjects of one
side hold more records than those of the other, they are not exchangeable: in a permutation the
sides differ in records, in the false positives that are allowed, and in the spread of the rate. So
where the sizes differ (Mann-Whitney test at 5 %), each subject is first reduced to the smaller of
the two sides' sizes at its quantile, by leaving out records at random. Then the sizes are alike.

Source:
    Mann and Whitney, Annals of Mathematical Statistics 18, 1947; Hajek, Sidak, Sen, "Theory of
    Rank Tests", 1999 (linear rank statistics under permutation); Janssen, "Studentized permutation
    tests for non-i.i.d. hypotheses and the generalized Behrens-Fisher problem", Statistics and
    Probability Letters 36, 1997; Chung and Romano, "Exact and asymptotically robust permutation
    tests", Annals of Statistics 41, 2013; Phipson and Smyth, "Permutation p-values should never be
    zero", 2010.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy import special, stats

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.roc import allowed_false_positives
from pixleak.evaluation.statistics.sample import Ints, Sample, SampleSide

PERMUTATIONS = 20_000
_EXACT_PAIRS = 2500
_NORMAL_RECORDS = 50
_NORMAL_SUBJECTS = 100
DOMINATING = 1 / 3
"""Share of a side's records above which one subject dominates it."""
_UNLIKE_SIZES = 0.05
_CHUNK = 4_000_000
_BUDGET = 20_000_000
_FEWEST = 5_000
"""Permutations for large samples: fewer, but enough for a p-value below 0.05 / 200."""


def auc_p_value(sample: Sample, seed: int = 0) -> float:
    """One-sided p-value of the hypothesis that the AUC is at most one half.

    Example:
        Ten members above ten non-members: one of 184,756 equally likely assignments.

        >>> from pixleak.evaluation.statistics.sample import sample_of
        >>> apart = sample_of(np.arange(20.0), np.arange(20) >= 10)
        >>> round(1 / auc_p_value(apart))
        184756
    """
    units = _Units(sample)
    fewest = min(sample.members.count, sample.nonmembers.count)
    pairs = sample.members.count * sample.nonmembers.count
    tied = len(np.unique(units.scores)) < len(units.scores)
    if pairs <= _EXACT_PAIRS and not tied and not sample.clustered:
        return float(
            stats.mannwhitneyu(
                sample.members.scores,
                sample.nonmembers.scores,
                alternative="greater",
                method="exact",
                axis=None,
            ).pvalue
        )
    if sample.clustered:
        return _studentised(sample, units, seed)
    ranks = stats.rankdata(units.scores) - (len(units.scores) + 1) / 2
    influence = np.bincount(units.of_record, ranks, minlength=units.count)
    observed = float(influence[: units.members].sum())
    if fewest >= _NORMAL_RECORDS:
        outside = units.count - units.members
        variance = float(np.sum(influence**2)) * units.members * outside
        variance /= units.count * (units.count - 1)
        return float(special.ndtr(-observed / np.sqrt(variance))) if variance > 0 else 1.0
    # The tolerance keeps rounding from separating equal sums.
    return units.p_value(seed, lambda inside: inside @ influence >= observed - 1e-6)


def _studentised(sample: Sample, units: _Units, seed: int) -> float:
    """The test by subject; see the module."""
    ranks = stats.rankdata(units.scores) / len(units.scores)
    sums: Floats = np.asarray(
        np.bincount(units.of_record, ranks, minlength=units.count), dtype=np.float64
    )
    sizes: Floats = np.asarray(
        np.bincount(units.of_record, minlength=units.count), dtype=np.float64
    )
    means = sums / sizes
    alike = intraclass(ranks, units.of_record, means, sizes)
    if max(side.largest_share for side in (sample.members, sample.nonmembers)) > DOMINATING:
        alike = 1.0
    sizes = sizes / (1 + (sizes - 1) * alike)
    sums = sizes * means
    columns = np.stack([sums, sizes, sums**2, sums * sizes, sizes**2], axis=1)
    total = columns.sum(axis=0)

    def statistic(inside: Floats) -> Floats:
        difference, variance = 0.0, 0.0
        count = inside.sum(axis=1)
        part = inside @ columns
        for sign, of, u in ((1, part, count), (-1, total - part, units.count - count)):
            rank, size, squared, crossed, size_squared = of.T
            mean = rank / size
            spread = np.maximum(squared - 2 * mean * crossed + mean**2 * size_squared, 0.0)
            difference = difference + sign * mean
            variance = variance + u / (u - 1) * spread / size**2
        # Without any spread, only the sign of the difference is left.
        return np.asarray(difference / np.sqrt(np.maximum(variance, 1e-18)))

    start = (np.arange(units.count) < units.members)[None, :]
    observed = float(statistic(start.astype(np.float64))[0])
    fewest = min(sample.members.count, sample.nonmembers.count)
    if fewest >= _NORMAL_SUBJECTS:
        return float(special.stdtr(fewest - 1, -observed))
    return units.p_value(
        seed, lambda inside: statistic(inside.astype(np.float64)) >= observed - 1e-9
    )


def tpr_p_value(sample: Sample, fpr: float, seed: int = 0) -> float:
    """One-sided p-value of the hypothesis that the TPR at this FPR is at chance.

    Example:
        Of ten members and ten non-members, the three highest are members and no false positive
        is allowed: 10/20 * 9/19 * 8/18.

        >>> from pixleak.evaluation.statistics.sample import sample_of
        >>> member = np.array([True] * 3 + [False] * 10 + [True] * 7)
        >>> three = sample_of(-np.arange(20.0), member)
        >>> round(tpr_p_value(three, fpr=0.01), 6), round(10 / 20 * 9 / 19 * 8 / 18, 6)
        (0.105263, 0.105263)
    """
    sample = of_like_sizes(sample, seed)
    members, nonmembers = len(sample.members.scores), len(sample.nonmembers.scores)
    allowed = allowed_false_positives(fpr, nonmembers)
    threshold = sample.nonmembers.scores[nonmembers - 1 - allowed]
    found = int((sample.members.scores > threshold).sum())
    if not sample.clustered:
        return float(stats.hypergeom.sf(found - 1, members + nonmembers, members, found + allowed))
    units = _Units(sample)
    ranked = units.of_record[np.argsort(-units.scores, kind="stable")]
    return units.p_value(
        seed, lambda inside: _rates_at(inside[:, ranked], fpr) >= found / members - 1e-12
    )


def of_like_sizes(sample: Sample, seed: int = 0) -> Sample:
    """The sample itself, or one whose subjects have like numbers of records on both sides.

    Args:
        sample: both sides.
        seed: of the records that are left out.

    Example:
        >>> from pixleak.evaluation.statistics.sample import sample_of
        >>> of = [*np.repeat(np.arange(10), 3), *range(10, 30)]
        >>> uneven = sample_of(np.arange(50.0), np.arange(50) < 30, list(map(str, of)))
        >>> [len(side.scores) for side in (uneven.members, uneven.nonmembers)]
        [30, 20]
        >>> even = of_like_sizes(uneven)
        >>> [len(side.scores) for side in (even.members, even.nonmembers)]
        [10, 20]
    """
    if not sample.clustered:
        return sample
    sides = (sample.members, sample.nonmembers)
    ours, theirs = (np.bincount(side.units, minlength=side.count) for side in sides)
    if len(np.unique(np.concatenate([ours, theirs]))) == 1:
        return sample
    unlike = stats.mannwhitneyu(ours, theirs, method="asymptotic").pvalue
    if unlike > _UNLIKE_SIZES:
        return sample
    generator = np.random.default_rng(seed)
    return Sample(
        _reduced(sample.members, ours, theirs, generator),
        _reduced(sample.nonmembers, theirs, ours, generator),
    )


def _reduced(
    side: SampleSide, own: Ints, other: Ints, generator: np.random.Generator
) -> SampleSide:
    """A side whose subjects keep as many records as those of the other side at their quantile."""
    order = np.argsort(own, kind="stable")
    quantile = (np.arange(len(own)) + 0.5) / len(own)
    kept = np.empty(len(own), dtype=np.int64)
    kept[order] = np.minimum(own[order], np.sort(other)[(quantile * len(other)).astype(np.int64)])
    # The records of each subject in random order, numbered from 0.
    shuffled = generator.permutation(len(side.scores))
    shuffled = shuffled[np.argsort(side.units[shuffled], kind="stable")]
    number = np.arange(len(shuffled)) - np.repeat(np.cumsum(own) - own, own)
    chosen = np.sort(shuffled[number < kept[side.units[shuffled]]])
    units = side.units[chosen]
    if len(chosen) == side.count:  # one record a subject
        units = np.arange(side.count)
    return SampleSide(side.scores[chosen], units, side.count)


def _rates_at(member: Bools, fpr: float) -> Floats:
    """(b,) TPR at the FPR, given (b, n) memberships of records ranked from the highest score."""
    outside = np.cumsum(~member, axis=1, dtype=np.int32)
    allowed = np.floor(fpr * outside[:, -1] + 1e-9)
    before = (outside <= allowed[:, None]).sum(axis=1)
    rates: Floats = (before - allowed) / (member.shape[1] - outside[:, -1])
    return rates


class _Units:
    """All units of a sample, members first, and random reassignments of them."""

    def __init__(self, sample: Sample) -> None:
        inside, outside = sample.members, sample.nonmembers
        self.scores = np.concatenate([inside.scores, outside.scores])
        self.of_record: Ints = np.concatenate([inside.units, inside.count + outside.units])
        self.members = inside.count
        self.count = inside.count + outside.count

    def p_value(self, seed: int, at_least: Callable[[Bools], Bools]) -> float:
        """Share of assignments, the actual one included, whose statistic is at least as large.

        Args:
            seed: of the permutations.
            at_least: (b, units) assignments -> (b,) whether the statistic reaches the observed one.
        """
        reached = drawn = 0
        for inside in self.permutations(seed):
            reached += int(np.count_nonzero(at_least(inside)))
            drawn += len(inside)
        return (1 + reached) / (1 + drawn)

    def permutations(self, seed: int) -> tuple[Bools, ...]:
        """Chunks (b, units) of assignments that keep the number of member units."""
        total = int(np.clip(_BUDGET // len(self.scores), _FEWEST, PERMUTATIONS))
        step = max(1, _CHUNK // len(self.scores))
        return _assignments(seed, total, step, self.count, self.members)


@lru_cache(maxsize=2)  # the tests of one attack draw the same ones; at most 20 MB each
def _assignments(seed: int, total: int, step: int, count: int, members: int) -> tuple[Bools, ...]:
    """Random assignments of ``members`` of ``count`` units, in chunks of ``step``; read-only."""
    generator = np.random.default_rng(seed)
    start = np.arange(count) < members
    chunks = []
    for done in range(0, total, step):
        rows = np.broadcast_to(start, (min(step, total - done), count))
        chunk: Bools = generator.permuted(rows, axis=1)
        chunk.flags.writeable = False
        chunks.append(chunk)
    return tuple(chunks)


def intraclass(ranks: Floats, of_record: Ints, means: Floats, sizes: Floats) -> float:
    """How alike the records of a subject are: the intraclass correlation of one-way ANOVA, 0 to 1.

    Args:
        ranks: (n,) of records.
        of_record: (n,) subject of each.
        means: (u,) of the ranks of each subject.
        sizes: (u,) records of each subject.
    """
    records, count = len(ranks), len(sizes)
    if records == count:
        return 0.0
    within = float(np.sum((ranks - means[of_record]) ** 2)) / (records - count)
    between = float(np.sum(sizes * (means - ranks.mean()) ** 2)) / (count - 1)
    usual = (records - float(np.sum(sizes**2)) / records) / (count - 1)
    whole = between + (usual - 1) * within
    return min(max((between - within) / whole, 0.0), 1.0) if whole > 0 else 1.0
