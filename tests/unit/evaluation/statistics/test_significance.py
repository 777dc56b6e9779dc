"""Tests of exchangeability against full enumeration, and their size."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from pixleak.evaluation.statistics import significance
from pixleak.evaluation.statistics.roc import allowed_false_positives, roc_of
from pixleak.evaluation.statistics.sample import Sample, SampleSide, sample_of
from pixleak.evaluation.statistics.significance import (
    auc_p_value,
    intraclass,
    of_like_sizes,
    tpr_p_value,
)


def small(members, nonmembers, member_units=None, nonmember_units=None) -> Sample:
    """A sample below the size that evaluation demands, so that it can be enumerated."""

    def side(scores, units) -> SampleSide:
        scores = np.asarray(scores, dtype=float)
        units = np.arange(len(scores)) if units is None else np.asarray(units)
        order = np.argsort(scores, kind="stable")
        return SampleSide(scores[order], units[order], int(units.max()) + 1)

    return Sample(side(members, member_units), side(nonmembers, nonmember_units))


def enumerated(sample: Sample, statistic) -> float:
    """Share of all reassignments of the units whose statistic is at least the observed one."""
    scores = np.concatenate([sample.members.scores, sample.nonmembers.scores])
    units = np.concatenate([sample.members.units, sample.members.count + sample.nonmembers.units])
    total, inside = sample.members.count + sample.nonmembers.count, sample.members.count
    observed = statistic(scores, units < inside)
    hits = [
        statistic(scores, np.isin(units, chosen)) >= observed - 1e-9
        for chosen in combinations(range(total), inside)
    ]
    return float(np.mean(hits))


def linear(scores, member) -> float:
    """m n (AUC - 1/2)."""
    return float((roc_of(scores, member).auc - 0.5) * member.sum() * (~member).sum())


def found(fpr):
    def statistic(scores, member) -> float:
        return roc_of(scores, member).at_fpr(fpr).true_positives / member.sum()

    return statistic


def test_auc_without_ties_is_exact() -> None:
    rng = np.random.default_rng(0)
    sample = small(rng.normal(1, 1, 6), rng.normal(0, 1, 6))
    assert auc_p_value(sample) == pytest.approx(enumerated(sample, linear), abs=1e-12)


def test_auc_with_ties_and_with_subjects_is_that_of_permutations() -> None:
    rng = np.random.default_rng(1)
    tied = small(rng.integers(1, 5, 6), rng.integers(0, 4, 6))
    assert auc_p_value(tied) == pytest.approx(enumerated(tied, linear), abs=0.012)
    units = [0, 0, 0, 1, 2, 2, 3, 4, 4, 5]
    grouped = small(rng.normal(0.7, 1, 10), rng.normal(0, 1, 10), units, units)
    assert auc_p_value(grouped) == pytest.approx(enumerated(grouped, linear), abs=0.012)


def test_the_correlation_of_the_records_of_a_subject_by_hand() -> None:
    of, sizes = np.array([0, 0, 1, 1]), np.array([2.0, 2.0])
    # Within: 4 * 1/4 over 2; between: 2 * (1 + 1) over 1; (4 - 1/2) / (4 + 1/2) = 7/9.
    ranks = np.array([1.0, 2.0, 3.0, 4.0])
    assert intraclass(ranks, of, np.array([1.5, 3.5]), sizes) == pytest.approx(7 / 9)
    assert intraclass(np.array([1.0, 1.0, 2.0, 2.0]), of, np.array([1.0, 2.0]), sizes) == 1.0
    assert intraclass(np.array([1.0, 4.0, 2.0, 3.0]), of, np.array([2.5, 2.5]), sizes) == 0.0
    assert intraclass(np.array([1.0, 2.0]), np.arange(2), np.array([1.0, 2.0]), np.ones(2)) == 0.0


def test_auc_with_subjects_of_unlike_sizes_is_that_of_weighted_means() -> None:
    """Every mean, weight and error written out, for each of 252 assignments of ten subjects."""
    rng = np.random.default_rng(24)
    units = [[0, 0, 0, 1, 2, 2, 3, 4, 4], [0, 1, 1, 2, 2, 3, 3, 4, 4]]
    own = [rng.normal(size=5), rng.normal(size=5)]
    scores = [own[side][units[side]] + rng.normal(size=9) + 0.9 * (side == 0) for side in (0, 1)]
    sample = small(scores[0], scores[1], *units)
    ranks = stats.rankdata(np.concatenate([sample.members.scores, sample.nonmembers.scores])) / 18
    of = np.concatenate([sample.members.units, 5 + sample.nonmembers.units])
    groups = [ranks[of == unit] for unit in range(10)]
    within = sum(((one - one.mean()) ** 2).sum() for one in groups) / (18 - 10)
    between = sum(len(one) * (one.mean() - ranks.mean()) ** 2 for one in groups) / 9
    usual = (18 - sum(len(one) ** 2 for one in groups) / 18) / 9
    rho = (between - within) / (between + (usual - 1) * within)
    assert 0.1 < rho < 0.9
    weights = [len(one) / (1 + (len(one) - 1) * rho) for one in groups]

    def weighted(_: object, member) -> float:
        inside = {int(unit) for unit in of[member]}
        difference, variance = 0.0, 0.0
        for sign, side in ((1, inside), (-1, set(range(10)) - inside)):
            total = sum(weights[u] for u in side)
            mean = sum(weights[u] * groups[u].mean() for u in side) / total
            errors = sum((weights[u] * (groups[u].mean() - mean)) ** 2 for u in side)
            difference += sign * mean
            variance += 5 / 4 * errors / total**2
        return difference / np.sqrt(variance)

    expected = enumerated(sample, weighted)
    assert 0.02 < expected < 0.5
    assert auc_p_value(sample) == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("fpr", [0.0, 0.1, 0.34])
def test_tpr_is_exact(fpr: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(5):
        sample = small(rng.normal(1, 1, 6), rng.normal(0, 1, 6))
        assert tpr_p_value(sample, fpr) == pytest.approx(enumerated(sample, found(fpr)), abs=1e-12)


def test_tpr_by_subject_is_that_of_permutations() -> None:
    rng = np.random.default_rng(3)
    units = [0, 0, 0, 1, 2, 2, 3, 4, 4, 5]
    sample = small(rng.normal(1, 1, 10), rng.normal(0, 1, 10), units, units)
    expected = enumerated(sample, found(0.2))
    assert 0.01 < expected < 0.9
    assert tpr_p_value(sample, 0.2) == pytest.approx(expected, abs=0.012)


def test_ties_make_the_tpr_test_conservative() -> None:
    # One member above everybody, everything else tied: one of two records drawn first.
    sample = small([2, 1, 1, 1], [1, 1, 1, 1])
    assert tpr_p_value(sample, 0.0) == pytest.approx(0.5)
    assert tpr_p_value(small([1] * 4, [1] * 4), 0.0) == 1.0


def test_large_samples_use_the_normal_limit_of_the_same_permutations() -> None:
    rng = np.random.default_rng(4)
    member = np.arange(400) < 200
    scores = (rng.normal(size=400) + 0.2 * member).round(1)
    tied = sample_of(scores, member)
    expected = stats.mannwhitneyu(scores[member], scores[~member], alternative="greater").pvalue
    assert auc_p_value(tied) == pytest.approx(expected, rel=0.01)
    # Subjects of two: a draw of 2,000 permutations of the same statistic agrees.
    units = [f"s{i // 2}" for i in range(400)]
    grouped = sample_of(scores, member, units)
    ranks = stats.rankdata(scores)
    pairs = ranks[::2] + ranks[1::2]
    drawn = np.array([rng.permutation(pairs)[:100].sum() for _ in range(2000)])
    assert auc_p_value(grouped) == pytest.approx(
        float((drawn >= ranks[member].sum()).mean()), abs=0.03
    )


def test_copies_of_a_record_are_no_evidence() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=40) + 0.5 * (np.arange(40) < 20)
    copied, member = np.repeat(scores, 10), np.repeat(np.arange(40) < 20, 10)
    units = [f"s{i}" for i in np.repeat(np.arange(40), 10)]
    alone = auc_p_value(sample_of(scores, np.arange(40) < 20))
    assert auc_p_value(sample_of(copied, member, units)) == pytest.approx(alone, rel=0.2, abs=0.01)
    assert auc_p_value(sample_of(copied, member)) < alone / 20


@pytest.mark.parametrize("clustered", [False, True])
def test_size_of_the_tests(clustered: bool, monkeypatch) -> None:
    for name in ("PERMUTATIONS", "_FEWEST"):
        monkeypatch.setattr(f"pixleak.evaluation.statistics.significance.{name}", 2000)
    # 300 nulls at level 0.1: more than 47 happen with probability 0.001.
    rng = np.random.default_rng(6)
    rejected = np.zeros(2)
    member = np.arange(80) < 40
    units = [f"s{i // 4}" for i in range(80)] if clustered else None
    for seed in range(300):
        shared = np.repeat(rng.normal(size=20), 4) if clustered else 0.0
        sample = sample_of(rng.normal(size=80) + shared, member, units)
        rejected += [auc_p_value(sample, seed) <= 0.1, tpr_p_value(sample, 0.1, seed) <= 0.1]
    assert (rejected <= 47).all()
    assert (rejected >= 5).all()


def test_no_member_above_the_threshold_is_no_finding() -> None:
    sample = small([0, 0], [1, 2])
    assert tpr_p_value(sample, 0.01) == 1.0
    assert allowed_false_positives(0.01, 2) == 0


def subjects(rng, inside, outside, shift) -> Sample:
    """Records of subjects with these numbers of records; half of the variance is the subject's."""
    scores, member, units = [], [], []
    for side, sizes in ((True, inside), (False, outside)):
        for k, size in enumerate(sizes):
            own = rng.normal() + rng.normal(size=size) + shift * side * np.sqrt(2)
            scores += own.tolist()
            member += [side] * size
            units += [f"{side}-{k}"] * size
    return sample_of(np.array(scores), np.array(member), units)


SIZES = {
    "more records per member subject": ([20] * 10, [2] * 10),
    "fewer records per member subject": ([2] * 10, [20] * 10),
    "one subject dominates": ([100] + [5] * 14, [5] * 15),
}


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_a_planted_auc_is_found_whatever_the_sizes_of_subjects(sizes) -> None:
    rng = np.random.default_rng(4)
    shift = stats.norm.ppf(0.85) * np.sqrt(2)
    found = [auc_p_value(subjects(rng, *sizes, shift), seed) <= 0.05 for seed in range(20)]
    assert sum(found) >= 17


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_subjects_of_any_sizes_keep_the_level(sizes) -> None:
    rng = np.random.default_rng(5)
    p = np.array([auc_p_value(subjects(rng, *sizes, 0.0), seed) for seed in range(40)])
    # The probability of more than 7 of 40 at a level of 5 % is 0.1 %, in either tail.
    assert (p <= 0.05).sum() <= 7
    assert (1 - p <= 0.05).sum() <= 7


@pytest.mark.parametrize("sizes", [(2, 6), (6, 2)])
def test_the_tpr_keeps_its_level_where_one_side_has_larger_subjects(sizes, monkeypatch) -> None:
    # Permuted as they are, p <= 0.05 occurs in 13.5 % and 9 % of these worlds.
    monkeypatch.setattr("pixleak.evaluation.statistics.significance.PERMUTATIONS", 200)
    rng = np.random.default_rng(0)
    found = []
    for world in range(400):
        sample = subjects(rng, [sizes[0]] * 20, [sizes[1]] * 20, 0.0)
        found.append(tpr_p_value(sample, 0.01, world) <= 0.05)
    assert np.mean(found) <= 0.06


def test_subjects_are_reduced_to_the_other_sides_size_at_their_quantile() -> None:
    # The smallest subjects of both sides keep one record, all others two.
    inside = [1, 4, 4, 4, 4, 4, 4, 9]
    sample = subjects(np.random.default_rng(0), inside, [2] * 8, 0.0)
    reduced = of_like_sizes(sample, 3)
    kept = [np.bincount(side.units).tolist() for side in (reduced.members, reduced.nonmembers)]
    assert sorted(kept[0]) == sorted(kept[1]) == [1, 2, 2, 2, 2, 2, 2, 2]
    before, after = sample.members, reduced.members
    pairs = set(zip(before.scores.tolist(), before.units.tolist(), strict=True))
    assert set(zip(after.scores.tolist(), after.units.tolist(), strict=True)) <= pairs
    assert np.all(np.diff(after.scores) >= 0)
    assert of_like_sizes(sample, 4).members.scores.tolist() != after.scores.tolist()


def test_subjects_of_like_sizes_keep_all_records() -> None:
    rng = np.random.default_rng(0)
    for sides in (
        ([3] * 8, [3] * 9),
        ([1, 2, 3, 4, 5, 6], [2, 3, 1, 4, 6, 5]),
        ([1] * 10, [1] * 12),
    ):
        sample = subjects(rng, *sides, 0.0)
        assert of_like_sizes(sample) is sample


def test_assignments_that_are_kept_are_those_drawn_anew(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    samples = [subjects(rng, [3] * 12, [2] * 12, 0.3) for _ in range(4)]

    def values() -> list[float]:
        return [
            p
            for sample in samples
            for seed in (1, 2, 3)
            for p in (auc_p_value(sample, seed), tpr_p_value(sample, 0.1, seed))
        ]

    kept = values()
    monkeypatch.setattr(significance, "_assignments", significance._assignments.__wrapped__)
    assert values() == kept
