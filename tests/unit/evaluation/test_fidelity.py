"""Whether reference models resemble the target."""

from __future__ import annotations

import math

import numpy as np

from pixleak.evaluation.fidelity import fidelity


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
