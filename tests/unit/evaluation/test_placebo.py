"""Members against members: what it sees, and when that matters."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.placebo import placebo_control
from pixleak.results.controls import Control


def run(
    scores: np.ndarray, member: np.ndarray, units: list[str] | None = None, seed: int = 0
) -> Control:
    names = [str(i) for i in range(len(scores))] if units is None else units
    order = list(range(len(scores)))
    return placebo_control(scores, member, names, order, title="Loss", seed=seed)


APART = np.arange(120) < 60
MIXED = np.random.default_rng(0).permutation(APART)


def triplets(seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.repeat(generator.normal(size=40), 3) + 0.3 * generator.normal(size=120)


def test_independent_records_pass_at_the_level() -> None:
    failed = 0
    for seed in range(60):
        scores = np.random.default_rng(seed).normal(size=120)
        failed += run(scores, APART, seed=seed).passed is False
    # Level 5 %: 9 of 60 or more has probability .003.
    assert failed <= 8


def test_triplets_without_a_subject_are_seen_and_those_with_one_are_independent() -> None:
    found = [run(triplets(seed), APART, seed=seed) for seed in range(10)]
    assert sum(one.passed is False for one in found) >= 9
    assert "Give the subject or group" in found[0].explanation
    subjects = [str(i // 3) for i in range(120)]
    named = [run(triplets(seed), APART, subjects, seed) for seed in range(10)]
    assert sum(one.passed is False for one in named) <= 2


def test_a_drift_is_seen() -> None:
    scores = np.random.default_rng(1).normal(size=120) + 0.8 * (np.arange(120) % 60 >= 30)
    found = run(scores, APART)
    assert found.passed is False
    assert "first half of a side" in found.explanation


def test_an_order_that_membership_does_not_follow_is_harmless() -> None:
    found = run(triplets(0), MIXED)
    assert found.passed is True


def test_a_leak_that_exceeds_what_order_explains_is_not_blocked() -> None:
    scores = triplets(3) + 4.0 * APART
    found = run(scores, APART)
    assert found.passed is True
    assert "neighbours count as one" in found.explanation


def test_the_order_of_the_records_is_what_counts() -> None:
    scores, order = triplets(0), np.random.default_rng(5).permutation(120)
    shuffled = placebo_control(
        scores[order], APART[order], [str(i) for i in order], order.tolist(), title="Loss"
    )
    assert shuffled.passed is run(scores, APART).passed is False


@pytest.mark.parametrize("side", [19, 60])
def test_too_few_records_are_no_pass(side: int) -> None:
    member = np.arange(2 * side) < side
    found = run(np.random.default_rng(0).normal(size=2 * side), member)
    assert (found.passed is None) == (side < 20)
