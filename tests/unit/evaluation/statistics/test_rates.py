"""Exact intervals of shares, by record and by subject."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pixleak.evaluation.statistics.rates import clopper_pearson, rate_of
from pixleak.evaluation.statistics.sample import SampleSide


@given(st.integers(0, 1000))
def test_clopper_pearson_is_the_exact_binomial_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    trials = int(rng.integers(1, 300))
    successes = int(rng.integers(0, trials + 1))
    level = float(rng.choice([0.9, 0.95, 0.99]))
    exact = stats.binomtest(successes, trials).proportion_ci(level, method="exact")
    ours = clopper_pearson(successes, trials, level)
    assert (ours.low, ours.high) == pytest.approx((exact.low, exact.high))


def test_certifying_a_tenth_of_a_percent_needs_thousands() -> None:
    assert clopper_pearson(0, 500).high == pytest.approx(0.00735, abs=1e-5)
    # Two-sided 95 %: 1 - 0.025 ** (1 / n) < 0.001 from n = 3688 on.
    assert clopper_pearson(0, 3687).high > 0.001 > clopper_pearson(0, 3688).high


def test_rates_by_subject_count_subjects() -> None:
    # Ten subjects of four identical records: forty hits are worth ten.
    hits = np.repeat(np.arange(10) < 5, 4)
    clustered = SampleSide(np.zeros(40), np.repeat(np.arange(10), 4), 10)
    rate = rate_of(hits, clustered)
    assert (rate.value, rate.successes, rate.trials) == (0.5, 20, 40)
    # The variance between subjects, with one degree of freedom fewer, is worth nine.
    exact = clopper_pearson(4.5, 9)
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high))
    nobody = rate_of(np.zeros(40, dtype=bool), clustered)
    assert (nobody.low, nobody.high) == (0.0, clopper_pearson(0, 10).high)
    alone = rate_of(hits, SampleSide(np.zeros(40), np.arange(40), 40))
    assert alone.low == clopper_pearson(20, 40).low
