"""Controls: which way they may deviate, and how the level is shared."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.evaluation.controls import evaluate_control, permutation_interval, untrained_control
from pixleak.results.base import Interval
from pixleak.results.controls import Control

MEMBER = np.arange(100) < 50
CHANCE = np.random.default_rng(1).normal(0.49, 0.06, size=2000)


def control(distance: float, *, learned: bool = True, controls: int = 1) -> Control:
    scores = np.random.default_rng(0).normal(size=100) + distance * MEMBER
    return evaluate_control(
        scores,
        MEMBER,
        name="blind-baseline",
        title="Blind baseline",
        what="A classifier that never sees the model.",
        null_aucs=CHANCE if learned else None,
        controls=controls,
    )


@pytest.mark.parametrize(
    ("distance", "learned", "passed"),
    [(0.0, True, True), (0.0, False, True), (2.0, True, False), (2.0, False, False),
     (-2.0, True, True), (-2.0, False, False)],
)  # fmt: skip
def test_passing(distance: float, learned: bool, passed: bool) -> None:
    found = control(distance, learned=learned)
    assert found.passed is passed
    assert ("better than chance" in found.explanation) is passed
    assert ("below one half is expected here" in found.explanation) is (passed and distance < 0)


@pytest.mark.parametrize(("low", "passed"), [(0.497, True), (0.51, False)])
def test_an_untrained_model_that_passes_is_not_called_clean(low: float, passed: bool) -> None:
    found = untrained_control("Loss", Interval(value=0.651, low=low, high=0.793, method="test"))
    assert (found.title, found.passed) == ("Untrained model (Loss)", passed)
    assert found.explanation.endswith(
        "It does not distinguish members from non-members better than chance (its data are "
        "compatible with an AUC between 0.50 and 0.79)."
        if passed
        else "the two sets differ in difficulty, and the attack measures that difference."
    )


def test_the_level_is_shared() -> None:
    one, four = control(0.0), control(0.0, controls=4)
    assert one.auc is not None
    assert four.auc is not None
    assert four.auc.level == pytest.approx(0.9875)
    assert four.auc.low < one.auc.low


def test_a_learned_control_fails_just_where_the_permutation_test_does() -> None:
    chance = np.linspace(0.4, 0.6, 999)
    for auc in np.linspace(0.55, 0.65, 41):
        found = permutation_interval(auc, chance, level=0.95)
        reached = (chance >= auc).sum()
        assert (found.low > 0.5) == ((1 + reached) / 1000 <= 0.025)


def test_too_few_permutations_are_refused() -> None:
    with pytest.raises(InputError, match="10 permutations are too few"):
        permutation_interval(0.5, np.linspace(0.4, 0.6, 10), level=0.95)
