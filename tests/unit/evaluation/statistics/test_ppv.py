"""Positive predictive values."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.evaluate import judge_scores
from pixleak.evaluation.statistics.ppv import predictive_values
from pixleak.evaluation.statistics.rates import clopper_pearson
from pixleak.results.base import Rate


def _rate(successes: int, trials: int, level: float) -> Rate:
    bounds = clopper_pearson(successes, trials, level)
    return Rate(
        value=successes / trials,
        low=bounds.low,
        high=bounds.high,
        successes=successes,
        trials=trials,
    )


def test_predictive_value_by_bayes() -> None:
    # Of 1,000 records at a prior of 10 %: 100 members, 40 of them called; 900 others, 9 called.
    found = predictive_values(_rate(40, 100, 0.95), _rate(1, 100, 0.95), priors=(0.1,))[0]
    assert found.value == pytest.approx(40 / 49)
    assert found.low < found.value < found.high


def test_no_false_positive_is_no_certainty() -> None:
    half = predictive_values(_rate(10, 100, 0.975), _rate(0, 100, 0.975), priors=(0.5,))[0]
    assert half.value == half.high == 1.0
    assert half.low < 0.7


def test_nothing_called_says_nothing() -> None:
    assert predictive_values(_rate(0, 100, 0.95), _rate(0, 100, 0.95)) == []


def test_coverage_of_the_interval() -> None:
    generator = np.random.default_rng(0)
    truth = 0.1 * 0.3 / (0.1 * 0.3 + 0.9 * 0.05)
    held = 0
    for _ in range(400):
        tpr = _rate(int(generator.binomial(100, 0.3)), 100, 0.975)
        fpr = _rate(int(generator.binomial(100, 0.05)), 100, 0.975)
        found = predictive_values(tpr, fpr, priors=(0.1,))[0]
        held += found.low <= truth <= found.high
    assert held >= 380  # conservative: at least 95 %


def test_they_are_part_of_a_result_where_a_rate_is_resolvable() -> None:
    member = np.arange(100) < 50
    scores = np.random.default_rng(0).normal(size=100) + 2 * member
    rates = {rate.fpr: rate for rate in judge_scores(scores, member).attacks[0].tpr_at_fpr}  # type: ignore[arg-type]
    assert [one.prior for one in rates[0.1].ppv] == [0.01, 0.1, 0.5]
    assert rates[0.001].ppv == []
