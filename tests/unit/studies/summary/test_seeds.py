from __future__ import annotations

import math

import pytest

from pixleak.studies.summary.seeds import DIFFERENCE, Measured, difference, joined, subtracted

T2 = 4.302652729911275
"""Student's 97.5 % quantile at two degrees of freedom."""


def test_nothing_measured_is_no_figure() -> None:
    assert joined({}) is None
    assert difference({"0": Measured(0.5)}, {}) is None


def test_one_seed_has_the_interval_of_its_run() -> None:
    found = joined({"0": Measured(0.7, 0.6, 0.8)})
    assert found is not None
    assert (found.value, found.low, found.high, found.seeds) == (0.7, 0.6, 0.8, 1)
    assert found.provisional


def test_one_seed_without_an_interval_has_none() -> None:
    found = joined({"0": Measured(0.7)})
    assert found is not None
    assert found.low is None
    assert found.high is None
    assert found.holds(0.1)
    assert not found.above(0.1)
    assert not found.below(0.9)


def test_two_seeds_span_both_intervals() -> None:
    found = joined({"0": Measured(0.7, 0.65, 0.75), "1": Measured(0.8, 0.7, 0.85)})
    assert found is not None
    assert found.provisional
    assert (found.value, found.low, found.high) == (pytest.approx(0.75), 0.65, 0.85)


def test_three_seeds_have_a_t_interval() -> None:
    runs = {str(k): Measured(v, v - 0.01, v + 0.01) for k, v in enumerate((0.5, 0.6, 0.7))}
    found = joined(runs)
    assert found is not None
    assert not found.provisional
    # mean 0.6, standard deviation 0.1
    half = T2 * 0.1 / math.sqrt(3)
    assert found.value == pytest.approx(0.6)
    assert (found.low, found.high) == (pytest.approx(0.6 - half), pytest.approx(0.6 + half))


def test_seeds_that_all_agree_keep_what_the_runs_leave_open() -> None:
    found = joined({seed: Measured(1.0, 0.9, 1.0) for seed in "012"})
    assert found is not None
    assert found.low == pytest.approx(1 - math.sqrt(3 * 0.1**2) / 3)
    assert found.high == 1.0


def test_intervals_are_cut_to_what_is_possible() -> None:
    found = joined({str(k): Measured(v) for k, v in enumerate((0.8, 0.95, 1.0))})
    assert found is not None
    assert found.high == 1.0
    assert found.low is not None
    assert found.low > 0
    wide = joined({str(k): Measured(v) for k, v in enumerate((-0.5, 0.0, 0.9))}, DIFFERENCE)
    assert wide is not None
    assert (wide.low, wide.high) == (-1.0, 1.0)


def test_seeds_without_intervals_of_their_own_still_spread() -> None:
    found = joined({"0": Measured(0.5), "1": Measured(0.6, 0.59, 0.61), "2": Measured(0.7)})
    assert found is not None
    assert found.low == pytest.approx(0.6 - T2 * 0.1 / math.sqrt(3))


def test_the_order_of_rows_changes_nothing() -> None:
    runs = {str(k): Measured(v, v / 2, v) for k, v in enumerate((0.1, 0.7, 0.3))}
    assert joined(runs) == joined(dict(reversed(runs.items())))


def test_differences_are_taken_seed_by_seed() -> None:
    worse = {str(k): Measured(v, v - 0.001, v + 0.001) for k, v in enumerate((0.5, 0.7, 0.9))}
    better = {seed: Measured(v.value + 0.05, None, None) for seed, v in worse.items()}
    paired = difference(better, worse)
    assert paired is not None
    assert paired.seeds == 3
    # Every difference is 0.05: what seeds have in common is no noise here.
    assert paired.low == pytest.approx(0.05)
    assert paired.high == pytest.approx(0.05)


def test_a_difference_of_two_runs_has_the_interval_of_both() -> None:
    found = subtracted(Measured(0.9, 0.86, 0.93), Measured(0.5, 0.48, 0.53))
    assert found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.4 - 0.05)
    assert found.high == pytest.approx(0.4 + math.hypot(0.03, 0.02))


def test_without_a_shared_seed_the_means_are_compared() -> None:
    found = difference({"0": Measured(0.9, 0.86, 0.93)}, {"1": Measured(0.5, 0.48, 0.53)})
    assert found is not None
    assert found.seeds == 1
    assert found.low == pytest.approx(0.35)


def test_a_mean_over_a_pool_is_marked() -> None:
    found = joined({"0": Measured(0.7, pooled=True), "1": Measured(0.7)})
    assert found is not None
    assert found.pooled
