"""A model that was trained on neither side: control, excess and rates."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.elsewhere import (
    elsewhere_control,
    excess,
    no_elsewhere,
    placements_in_order,
    rates_at,
)
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.results.base import Interval


def names(n: int) -> list[str]:
    return [str(i) for i in range(n)]


def test_the_excess_by_hand() -> None:
    # Members 2, 4 against 1, 3: AUC 3/4. Members 1, 4 against 2, 3 elsewhere: AUC 1/2.
    target, foreign = np.array([2.0, 4.0, 1.0, 3.0]), np.array([1.0, 4.0, 2.0, 3.0])
    member = np.array([True, True, False, False])
    found = excess(target, foreign, member, names(4))
    assert found.value == pytest.approx(0.25)
    # V - W is 1/2, 0 for members and 1/2, 0 for non-members; 2 * (2 / 1 * (2 / 16) / 4) = 1/8,
    # and the t distribution with one degree of freedom has its 95 % point at 6.3138.
    reach = 6.313751514675043 * np.sqrt(1 / 8)
    assert found.low == pytest.approx(max(0.25 - reach, -1))
    assert found.high == pytest.approx(min(0.25 + reach, 1))


def test_placements_are_those_of_a_slow_twin() -> None:
    generator = np.random.default_rng(0)
    scores, member = generator.integers(0, 6, 40).astype(float), np.arange(40) < 15
    slow = [
        np.mean(
            [
                0.5 if s == o else float((s > o) == member[i])
                for o in scores[member != member[i]].tolist()
            ]
        )
        for i, s in enumerate(scores.tolist())
    ]
    found = placements_in_order(scores, member)
    assert found == pytest.approx(slow)
    assert found[member].mean() == pytest.approx(roc_of(scores, member).auc)


def test_records_of_one_subject_count_together() -> None:
    generator = np.random.default_rng(1)
    member = np.arange(40) < 20
    target, foreign = (np.repeat(generator.normal(size=10), 4) for _ in range(2))
    alone = excess(target, foreign, member, names(40))
    together = excess(target, foreign, member, [str(i // 4) for i in range(40)])
    assert together.value == alone.value
    assert together.high - together.low > 1.9 * (alone.high - alone.low)


def test_a_shift_that_any_model_sees_is_no_excess_and_a_leak_is() -> None:
    generator = np.random.default_rng(2)
    member = np.arange(400) < 200
    found = {"shift": 0, "leak": 0}
    for _ in range(100):
        difficulty = generator.normal(size=400)
        for world in found:
            lift = 0.5 * member
            shared = difficulty + (lift if world == "shift" else 0)
            target = shared + 0.5 * generator.normal(size=400) + (lift if world == "leak" else 0)
            foreign = shared + 0.5 * generator.normal(size=400)
            found[world] += excess(target, foreign, member, names(400)).low > 0
    # One-sided at 5 %: 13 of 100 has probability .001.
    assert found["shift"] <= 12
    assert found["leak"] >= 98


def test_a_calibrated_score_is_not_weighed_against_what_it_subtracted() -> None:
    generator = np.random.default_rng(3)
    member = np.arange(200) < 100
    leak = generator.normal(size=200) + 0.6 * member
    unrelated = generator.normal(size=200)
    plain = excess(leak, unrelated, member, names(200))
    calibrated = excess(leak, unrelated, member, names(200), calibrated=True)
    assert calibrated.high - calibrated.low < 0.8 * (plain.high - plain.low)


def test_rates_elsewhere_are_counted_at_their_own_thresholds() -> None:
    member = np.arange(20) < 10
    scores = np.arange(20.0)[::-1].copy()
    scores[10] = 15.5  # one non-member above six members
    assert rates_at(scores, member, (0.1, 0.01)) == [1.0, 0.4]


@pytest.mark.parametrize(
    ("low", "high", "passed", "said"),
    [(0.45, 0.55, True, "compatible with an AUC between 0.45 and 0.55"),
     (0.51, 0.60, False, "annotated in the same way"),
     (0.40, 0.49, True, "it hides one")],
)  # fmt: skip
def test_the_control_fails_above_one_half_only(
    low: float, high: float, passed: bool, said: str
) -> None:
    auc = Interval(value=(low + high) / 2, low=low, high=high, method="test")
    control = elsewhere_control("Loss", auc, "the shadow model")
    assert (control.passed, control.title) == (passed, "Trained elsewhere (Loss)")
    assert said in control.explanation


def test_a_control_without_models_says_why() -> None:
    assert no_elsewhere("there is no shadow").explanation == "Not run: there is no shadow."
    assert no_elsewhere("there is no shadow").passed is None
