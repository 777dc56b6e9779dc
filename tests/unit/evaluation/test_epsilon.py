from __future__ import annotations

import math

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.evaluation.epsilon import epsilon_lower_bound, epsilon_p_value, one_run_epsilon


def _tail(correct: int, guesses: int, right: float) -> float:
    return sum(
        math.comb(guesses, i) * right**i * (1 - right) ** (guesses - i)
        for i in range(max(correct, 0), guesses + 1)
    )


@pytest.mark.parametrize(("guesses", "bound"), [(100, 3.49), (500, 5.11), (1000, 5.81)])
def test_the_ceiling_of_all_right(guesses: int, bound: float) -> None:
    found = epsilon_lower_bound(canaries=guesses, guesses=guesses, correct=guesses)
    assert found == pytest.approx(bound, abs=0.005)
    # In closed form: q^r = 5 %.
    right = 0.05 ** (1 / guesses)
    assert found == pytest.approx(math.log(right / (1 - right)), abs=1e-6)


def test_p_value_by_plain_sums() -> None:
    for epsilon, correct in ((0.0, 7), (1.0, 15), (2.5, 19)):
        right = math.exp(epsilon) / (1 + math.exp(epsilon))
        tail = _tail(correct, 20, right)
        found = epsilon_p_value(epsilon, canaries=30, guesses=20, correct=correct)
        assert found == pytest.approx(tail)
        delta = 1e-3
        alpha = max((_tail(correct - i, 20, right) - tail) / i for i in range(1, 21))
        with_delta = epsilon_p_value(epsilon, canaries=30, guesses=20, correct=correct, delta=delta)
        assert with_delta == pytest.approx(min(tail + 2 * 30 * delta * alpha, 1.0))


def test_the_bound_is_where_the_p_value_crosses() -> None:
    bound = epsilon_lower_bound(canaries=200, guesses=100, correct=80, delta=1e-5)
    at = [
        epsilon_p_value(bound + step, canaries=200, guesses=100, correct=80, delta=1e-5)
        for step in (-1e-4, 1e-4)
    ]
    assert at[0] < 0.05 < at[1]
    assert epsilon_lower_bound(canaries=200, guesses=100, correct=80) > bound > 0
    assert epsilon_lower_bound(canaries=100, guesses=100, correct=55) == 0.0


@pytest.mark.slow
def test_randomised_response_is_not_overrated() -> None:
    """Answers that are right with probability q are exactly log(q / (1 - q))-private."""
    epsilon = 1.0
    right = math.exp(epsilon) / (1 + math.exp(epsilon))
    generator = np.random.default_rng(0)
    above = 0
    for _ in range(400):
        included = generator.random(60) < 0.5
        truthful = generator.random(60) < right
        scores = np.where(truthful, included, ~included) + generator.random(60) * 1e-3
        found = one_run_epsilon(scores, included, inclusion="independent")
        above += found.lower_bound > epsilon
    # 5 % of 400 is 20; above 33 happens in one of 500 such tests of a sound bound.
    assert above <= 33


def test_guesses_are_taken_from_both_ends() -> None:
    scores = np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    included = np.array([True, True, False, True, False, True, False, False, False, True])
    found = one_run_epsilon(scores, included, inclusion="independent", abstain=0.4)
    # Three at the top (in, in, out: two right), three at the bottom (out, out, in: two right).
    assert (found.guesses, found.correct, found.canaries, found.included) == (6, 4, 10, 5)


def test_equal_scores_are_ordered_by_lot_not_by_membership() -> None:
    included = np.arange(200) < 100
    right = [
        one_run_epsilon(np.zeros(200), included, inclusion="independent", seed=s).correct
        for s in range(40)
    ]
    # 100 expected, standard deviation 7.
    assert 90 < np.mean(right) < 110
    assert len(set(right)) > 5


@pytest.mark.parametrize(
    ("inclusion", "words"), [("fixed-size", "a fixed number"), ("unknown", "it is unknown how")]
)
def test_refused_where_inclusion_was_not_independent(inclusion: str, words: str) -> None:
    with pytest.raises(InputError, match=f"fair coin.*{words}"):
        one_run_epsilon(np.zeros(20), np.arange(20) < 10, inclusion=inclusion)  # type: ignore[arg-type]


def test_refused() -> None:
    with pytest.raises(InputError, match="NaN"):
        one_run_epsilon(np.full(4, np.nan), np.ones(4, dtype=bool), inclusion="independent")
    with pytest.raises(InputError, match="one value per canary"):
        one_run_epsilon(np.zeros(4), np.ones(3, dtype=bool), inclusion="independent")
    with pytest.raises(InputError, match="leave no guesses"):
        one_run_epsilon(np.zeros(4), np.ones(4, dtype=bool), inclusion="independent", abstain=0.9)
    with pytest.raises(InputError, match=r"in \[0, 1\)"):
        one_run_epsilon(np.zeros(4), np.ones(4, dtype=bool), inclusion="independent", delta=1.0)
    with pytest.raises(InputError, match="impossible"):
        epsilon_lower_bound(canaries=10, guesses=11, correct=5)
