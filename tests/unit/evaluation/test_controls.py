"""Controls: which way they may deviate, and how the level is shared."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.controls import evaluate_control
from pixleak.results import Control

MEMBER = np.arange(100) < 50


def control(distance: float, *, cross_validated: bool = True, controls: int = 1) -> Control:
    scores = np.random.default_rng(0).normal(size=100) + distance * MEMBER
    return evaluate_control(
        scores,
        MEMBER,
        name="blind-baseline",
        title="Blind baseline",
        what="A classifier that never sees the model.",
        cross_validated=cross_validated,
        controls=controls,
    )


@pytest.mark.parametrize(
    ("distance", "cross_validated", "passed"),
    [(0.0, True, True), (0.0, False, True), (2.0, True, False), (2.0, False, False),
     (-2.0, True, True), (-2.0, False, False)],
)  # fmt: skip
def test_passing(distance: float, cross_validated: bool, passed: bool) -> None:
    found = control(distance, cross_validated=cross_validated)
    assert found.passed is passed
    assert ("cannot tell" in found.explanation) is passed


def test_the_level_is_shared() -> None:
    one, four = control(0.0), control(0.0, controls=4)
    assert one.auc is not None
    assert four.auc is not None
    assert four.auc.level == pytest.approx(0.9875)
    assert four.auc.low < one.auc.low
