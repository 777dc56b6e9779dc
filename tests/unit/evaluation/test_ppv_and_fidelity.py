from __future__ import annotations

import math

import numpy as np
import pytest

from pixleak.evaluation.evaluate import evaluate
from pixleak.evaluation.fidelity import fidelity
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
    rates = {rate.fpr: rate for rate in evaluate(scores, member).attacks[0].tpr_at_fpr}  # type: ignore[arg-type]
    assert [one.prior for one in rates[0.1].ppv] == [0.01, 0.1, 0.5]
    assert rates[0.001].ppv == []


def test_what_differs_is_named_with_its_factor() -> None:
    alike = [(0.1 * f, 0.3 * f) for f in (0.95, 1.0, 1.05, 1.0)]
    assert fidelity((0.1, 0.3), alike).passed
    other = fidelity((0.1, 0.9), alike)
    assert other.passed is False
    assert "on held-out records by a factor of 3 higher" in other.explanation
    assert "training records" not in other.explanation.split("than")[0]
    both = fidelity((0.01, 0.9), alike).explanation
    assert "on training records by a factor of 10 lower and on held-out" in both


def test_the_allowance_is_a_prediction_interval() -> None:
    logs = np.array([-0.4, -0.1, 0.2, 0.3])
    pool = [(math.exp(v), 1.0) for v in logs]
    reach = 5.840909 * logs.std(ddof=1) * math.sqrt(1.25)  # t of 3 degrees of freedom, 99 %
    for step, passed in ((-0.01, True), (0.01, False)):
        target = math.exp(logs.mean() + reach + step)
        assert fidelity((target, 1.0), pool).passed is passed


def test_models_that_agree_allow_a_quarter_and_two_models_a_half() -> None:
    pool = [(0.1, 0.3)] * 4
    assert fidelity((0.124, 0.3), pool).passed
    assert not fidelity((0.126, 0.3), pool).passed
    assert fidelity((0.149, 0.3), pool[:2]).passed
    assert not fidelity((0.151, 0.3), pool[:2]).passed


def test_not_measured_is_not_passed() -> None:
    found = fidelity((None, None), [])
    assert found.passed is None
    assert "could not be measured" in found.explanation
