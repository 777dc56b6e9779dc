from __future__ import annotations

import numpy as np

from pixleak.analyses.canaries import CanariesAnalysis
from pixleak.evaluation.epsilon import one_run_epsilon
from pixleak.results.sections import Epsilon


def _found(delta: float) -> Epsilon:
    included = np.arange(100) % 2 == 0
    scores = included + 0.0
    scores[:30] = 1 - scores[:30]
    return one_run_epsilon(scores, included, inclusion="independent", delta=delta)


def test_both_bounds_stand_beside_each_other_with_the_assumption() -> None:
    sentence = CanariesAnalysis().sentence(_found(1e-6))
    assert "70 of 100 guesses" in sentence
    assert "for any epsilon below 0.47" in sentence
    assert "is 1.21 at delta 1e-06 (tighter, but assumes that the mechanism's" in sentence


def test_both_bounds_are_columns_of_a_study() -> None:
    columns = CanariesAnalysis().columns(_found(1e-6))
    assert {name: round(float(value or 0), 2) for name, value in columns.items()} == {
        "canary_epsilon": 0.47,
        "canary_gaussian_epsilon": 1.21,
        "canary_gaussian_mu": 0.28,
        "canary_delta": 0.0,
    }
    assert "canary_gaussian_epsilon" not in CanariesAnalysis().columns(_found(0.0))


def test_results_without_the_second_bound_are_still_shown() -> None:
    old = _found(0.0).model_copy(update={"gaussian": None})
    assert CanariesAnalysis().sentence(old) == old.explanation
    assert set(CanariesAnalysis().columns(old)) == {"canary_epsilon", "canary_delta"}
