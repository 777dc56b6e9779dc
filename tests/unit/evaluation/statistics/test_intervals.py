"""Intervals against loops that recount everything, and their coverage on a small scale."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pixleak.evaluation.statistics.intervals import (
    _left_out,
    auc_interval,
    auc_replicates,
    bca,
    newcombe,
    placements_of,
    resampled_counts,
)
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import sample_of


def drawn(seed: int, n: int = 15, distance: float = 1.0, subjects: bool = True):
    rng = np.random.default_rng(seed)
    member = np.arange(2 * n) < n
    scores = (rng.normal(size=2 * n) + distance * member).round(1)
    units = [f"{'mn'[i // n]}{rng.integers(6)}" for i in range(2 * n)] if subjects else None
    return scores, member, units


@pytest.mark.parametrize("subjects", [True, False])
def test_replicates_are_exact_aucs_of_resampled_units(subjects: bool) -> None:
    scores, member, units = drawn(3, subjects=subjects)
    sample = sample_of(scores, member, units)
    areas = auc_replicates(sample, 20, np.random.default_rng(5))
    counted = [
        (inside[i], outside[i])
        for inside, outside in resampled_counts(sample, 20, np.random.default_rng(5))
        for i in range(len(inside))
    ]
    assert len(counted) == 20
    for area, (inside, outside) in zip(areas, counted, strict=True):
        values = np.concatenate(
            [
                np.repeat(sample.members.scores, inside),
                np.repeat(sample.nonmembers.scores, outside),
            ]
        )
        again = roc_of(values, np.arange(len(values)) < inside.sum()).auc
        assert area == pytest.approx(again, abs=1e-12)


def test_subjects_are_drawn_whole() -> None:
    sample = sample_of(*drawn(4))
    for inside, outside in resampled_counts(sample, 50, np.random.default_rng(0)):
        for counts, side in ((inside, sample.members), (outside, sample.nonmembers)):
            for unit in range(side.count):
                mine = counts[:, side.units == unit]
                assert (mine == mine[:, :1]).all()
            first = [int(np.flatnonzero(side.units == u)[0]) for u in range(side.count)]
            assert (counts[:, first].sum(axis=1) == side.count).all()


def test_chunks_do_not_change_the_replicates(monkeypatch) -> None:
    sample = sample_of(*drawn(1))
    whole = auc_replicates(sample, 40, np.random.default_rng(0))
    monkeypatch.setattr("pixleak.evaluation.statistics.intervals.CHUNK", 90)
    parts = auc_replicates(sample, 40, np.random.default_rng(0))
    assert len(parts) == 40
    assert parts.mean() == pytest.approx(whole.mean(), abs=0.1)
    assert set(np.round(parts, 9)) != {round(float(parts[0]), 9)}


def test_influences_are_those_of_leaving_units_out() -> None:
    scores, member, units = drawn(2)
    assert units is not None
    sample = sample_of(scores, member, units)
    influence = _left_out(sample, placements_of(sample))
    names = np.array(units)
    expected = []
    for side in (member, ~member):
        without = []
        for name in np.unique(names[side]):
            kept = names != name
            without.append(roc_of(scores[kept], member[kept]).auc)
        k = len(without)
        expected += [(k - 1) / k * (np.mean(without) - area) for area in without]
    assert influence == pytest.approx(np.array(expected))


def test_bca_by_hand() -> None:
    # Symmetric replicates and influences: no correction, plain quantiles.
    replicates = np.linspace(0.0, 1.0, 101)
    plain = bca(0.5, replicates, np.array([-1.0, 1.0]), 0.9)
    assert (plain.low, plain.high) == pytest.approx((0.05, 0.95))
    # A quarter of the replicates lie below the estimate: z0 = -0.6745, and the quantiles are
    # taken at Phi(2 z0 -+ 1.6449) = Phi(-2.9938), Phi(0.2959).
    biased = bca(0.2525, np.linspace(0, 1, 100), np.array([-1.0, 1.0]), 0.9)
    shares = stats.norm.cdf(2 * stats.norm.ppf(0.25) + stats.norm.ppf([0.05, 0.95]))
    assert (biased.low, biased.high) == pytest.approx(tuple(shares), abs=0.01)


def test_newcombe_has_a_length_at_one() -> None:
    # At A = 1 with m = n the lower end a solves (1 - a) m^2 = t^2 a (1 + N(1-a)/(2-a) + N a/(1+a)).
    scores = np.arange(60.0)
    sample = sample_of(scores, scores >= 30)
    bounds = newcombe(sample, placements_of(sample), 0.95)
    a, t = bounds.low, stats.t.ppf(0.975, 29)
    assert bounds.high == 1.0
    assert (1 - a) * 900 == pytest.approx(
        t**2 * a * (1 + 29 * (1 - a) / (2 - a) + 29 * a / (1 + a)), rel=1e-6
    )
    assert 0.9 < a < 0.95


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_complete_separation_is_not_certain(flip: float) -> None:
    scores = np.arange(60.0) * flip
    interval = auc_interval(scores, np.arange(60) >= 30, seed=0)
    if flip > 0:
        assert interval.value == interval.high == 1.0
        assert 0.9 < interval.low < 0.95
    else:
        assert interval.value == interval.low == 0.0
        assert 0.05 < interval.high < 0.1


def test_separation_by_subject_is_less_certain_still() -> None:
    scores, member = np.arange(60.0), np.arange(60) >= 30
    units = [f"s{i // 5}" for i in range(60)]
    assert auc_interval(scores, member, units=units).low < auc_interval(scores, member).low - 0.1


def test_equal_scores_say_nothing() -> None:
    for units in (None, [f"s{i // 4}" for i in range(80)]):
        interval = auc_interval(np.ones(80), np.arange(80) < 40, units=units)
        assert interval.value == 0.5
        assert interval.low < 0.4 < 0.6 < interval.high


def test_infinite_scores_are_scores() -> None:
    scores = np.array([np.inf] * 10 + [-np.inf] * 5 + [0.0] * 15)
    interval = auc_interval(scores, np.arange(30) < 10)
    assert interval.value == 1.0


def test_interval_is_reproducible_and_depends_on_the_seed() -> None:
    scores, member, units = drawn(0)
    first = auc_interval(scores, member, units=units, seed=1)
    assert first == auc_interval(scores, member, units=units, seed=1)
    assert first.method == "BCa bootstrap by subject (1000), at least as wide as Newcombe's"


def test_order_of_records_does_not_matter() -> None:
    scores, member, _ = drawn(0, n=40, subjects=False)
    order = np.random.default_rng(0).permutation(80)
    assert auc_interval(scores, member) == auc_interval(scores[order], member[order])


@pytest.mark.parametrize(("distance", "area"), [(0.0, 0.5), (2.0, 0.9214)])
def test_coverage(distance: float, area: float) -> None:
    # 200 repeats: 95 % gives at least 180 but for a chance of one in a thousand.
    rng = np.random.default_rng(0)
    member = np.arange(100) < 50
    held = 0
    for repeat in range(200):
        scores = rng.normal(size=100) + distance * member
        interval = auc_interval(scores, member, replicates=200, seed=repeat)
        held += interval.low <= area <= interval.high
    assert held >= 180


def test_a_hundred_thousand_scores_take_seconds() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(100_000) < 50_000
    interval = auc_interval(rng.normal(size=100_000) + member, member, replicates=100)
    assert interval.low < 0.7602 < interval.high
    assert interval.high - interval.low < 0.01
