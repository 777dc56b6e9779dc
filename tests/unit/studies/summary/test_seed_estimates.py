from __future__ import annotations

import math

import pytest

from pixleak.studies.summary.seed_estimates import (
    DIFFERENCE,
    Estimate,
    difference,
    mean_over_seeds,
    subtract,
)

T2 = 4.302652729911275
"""Student's 97.5 % quantile at two degrees of freedom."""


def test_nothing_measured_is_no_figure() -> None:
    assert mean_over_seeds({}) is None
    assert difference({"0": Estimate(0.5)}, {}) is None


def test_one_seed_has_the_interval_of_its_run() -> None:
    found = mean_over_seeds({"0": Estimate(0.7, (0.6, 0.8))})
    assert found == Estimate(0.7, (0.6, 0.8), seeds=1)
    assert found.provisional


def test_one_seed_without_an_interval_has_none() -> None:
    found = mean_over_seeds({"0": Estimate(0.7)})
    assert found is not None
    assert found.ends is None
    assert found.contains(0.1)
    assert not found.above(0.1)
    assert not found.below(0.9)


def test_two_seeds_span_both_intervals() -> None:
    runs = {"0": Estimate(0.7, (0.65, 0.75)), "1": Estimate(0.8, (0.7, 0.85))}
    found = mean_over_seeds(runs)
    assert found == Estimate(pytest.approx(0.75), (0.65, 0.85), seeds=2)
    assert found.provisional


def test_three_seeds_have_a_t_interval() -> None:
    runs = {str(k): Estimate(v, (v - 0.01, v + 0.01)) for k, v in enumerate((0.5, 0.6, 0.7))}
    found = mean_over_seeds(runs)
    # mean 0.6, standard deviation 0.1
    half = T2 * 0.1 / math.sqrt(3)
    ends = pytest.approx((0.6 - half, 0.6 + half))
    assert found == Estimate(pytest.approx(0.6), ends, seeds=3)
    assert not found.provisional


def test_seeds_that_all_agree_keep_the_uncertainty_of_the_runs() -> None:
    found = mean_over_seeds({seed: Estimate(1.0, (0.9, 1.0)) for seed in "012"})
    assert found is not None
    assert found.ends == (pytest.approx(1 - math.sqrt(3 * 0.1**2) / 3), 1.0)


def test_intervals_are_cut_to_possible_values() -> None:
    found = mean_over_seeds({str(k): Estimate(v) for k, v in enumerate((0.8, 0.95, 1.0))})
    assert found is not None
    assert found.ends is not None
    assert 0 < found.ends[0] < found.ends[1] == 1.0
    wide = mean_over_seeds(
        {str(k): Estimate(v) for k, v in enumerate((-0.5, 0.0, 0.9))}, DIFFERENCE
    )
    assert wide is not None
    assert wide.ends == (-1.0, 1.0)


def test_seeds_without_intervals_of_their_own_still_spread() -> None:
    found = mean_over_seeds(
        {"0": Estimate(0.5), "1": Estimate(0.6, (0.59, 0.61)), "2": Estimate(0.7)}
    )
    assert found is not None
    assert found.ends is not None
    assert found.ends[0] == pytest.approx(0.6 - T2 * 0.1 / math.sqrt(3))


def test_the_order_of_rows_changes_nothing() -> None:
    runs = {str(k): Estimate(v, (v / 2, v)) for k, v in enumerate((0.1, 0.7, 0.3))}
    assert mean_over_seeds(runs) == mean_over_seeds(dict(reversed(runs.items())))


def test_differences_are_taken_seed_by_seed() -> None:
    worse = {str(k): Estimate(v, (v - 0.001, v + 0.001)) for k, v in enumerate((0.5, 0.7, 0.9))}
    better = {seed: Estimate(v.value + 0.05) for seed, v in worse.items()}
    paired = difference(better, worse)
    # Every difference is 0.05: variation that the seeds share does not count.
    assert paired == Estimate(pytest.approx(0.05), pytest.approx((0.05, 0.05)), seeds=3)


def test_a_difference_of_two_runs_has_the_interval_of_both() -> None:
    found = subtract(Estimate(0.9, (0.86, 0.93)), Estimate(0.5, (0.48, 0.53)))
    assert found.value == pytest.approx(0.4)
    assert found.ends == pytest.approx((0.4 - 0.05, 0.4 + math.hypot(0.03, 0.02)))


def test_without_a_shared_seed_the_means_are_compared() -> None:
    found = difference({"0": Estimate(0.9, (0.86, 0.93))}, {"1": Estimate(0.5, (0.48, 0.53))})
    assert found is not None
    assert found.seeds == 1
    assert found.ends is not None
    assert found.ends[0] == pytest.approx(0.35)


def test_a_mean_over_a_pool_is_marked() -> None:
    found = mean_over_seeds({"0": Estimate(0.7, pooled=True), "1": Estimate(0.7)})
    assert found is not None
    assert found.pooled


def test_an_estimate_is_written_with_its_interval() -> None:
    assert str(Estimate(0.5614, (0.524, 0.598))) == "0.561 (0.524–0.598)"
    assert str(Estimate(-0.01, (-0.02, 0.01))) == "−0.010 (−0.020 to 0.010)"
    assert str(Estimate(0.5)) == "0.500 (no interval)"
    assert -Estimate(0.1, (0.0, 0.3), 3) == Estimate(-0.1, (-0.3, -0.0), 3)
