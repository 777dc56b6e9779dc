from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import optimize, stats

from pixleak.core.errors import InputError
from pixleak.evaluation.epsilon import epsilon_lower_bound, one_run_epsilon
from pixleak.evaluation.gaussian_epsilon import (
    epsilon_of_mu,
    gaussian_bound,
    mu_lower_bound,
    refutes_mu,
)

NORMAL = NormalDist()


def _inverse(x: float, mu: float) -> float:
    """F^-1: the smallest false positive rate of a test with a true positive rate of x."""
    if x <= 0:
        return 0.0
    return 1.0 if x >= 1 else NORMAL.cdf(NORMAL.inv_cdf(x) - mu)


def _refuted(mu: float, canaries: int, guesses: int, correct: int, tail: float) -> bool:
    """The recursion in plain lists of probabilities, every sum written out."""
    p = {correct: tail}
    for i in range(correct - 1, -1, -1):
        right = sum(j * p[j] for j in range(i + 1, correct + 1)) / canaries
        wrong = sum((guesses - j) * p[j] for j in range(i + 1, correct + 1)) / canaries
        p[i] = max(0.0, _inverse(right, mu) - wrong) * canaries / (guesses - i)
    return sum(p.values()) > 1


def _slow_bound(canaries: int, guesses: int, correct: int, tail: float) -> float:
    low, high = 0.0, 20.0
    if not _refuted(0.0, canaries, guesses, correct, tail):
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        if _refuted(middle, canaries, guesses, correct, tail):
            low = middle
        else:
            high = middle
    return low


def _bound(guesses: int, correct: int, delta: float, canaries: int | None = None) -> float:
    found = gaussian_bound(
        canaries=canaries or guesses, guesses=guesses, correct=correct, delta=delta
    )
    assert found.lower_bound is not None
    return found.lower_bound


@pytest.mark.parametrize(
    ("correct", "guesses", "any_mechanism", "gaussian"),
    [(70, 100, 0.47, 1.21), (95, 100, 2.17, 5.35), (600, 1000, 0.30, 0.67)],
)
def test_both_bounds_side_by_side_at_delta_1e6(
    correct: int, guesses: int, any_mechanism: float, gaussian: float
) -> None:
    given = {"canaries": guesses, "guesses": guesses, "correct": correct, "delta": 1e-6}
    assert epsilon_lower_bound(**given) == pytest.approx(any_mechanism, abs=0.005)  # type: ignore[arg-type]
    assert _bound(guesses, correct, 1e-6) == pytest.approx(gaussian, abs=0.005)


@pytest.mark.parametrize(("correct", "guesses", "published"), [(70, 100, 1.21), (95, 100, 5.30)])
def test_noise_on_a_grid_of_hundredths_gives_the_published_way_of_search(
    correct: int, guesses: int, published: float
) -> None:
    """The first noise 0.001 + i / 100 whose mu = 1 / noise is refuted, as epsilon at 1e-6."""
    mu = 1 / (0.001 + np.arange(1000) / 100)
    refuted = refutes_mu(mu, canaries=guesses, guesses=guesses, correct=correct)
    assert epsilon_of_mu(float(mu[refuted.argmax()]), 1e-6) == pytest.approx(published, abs=0.005)


def test_two_right_guesses_of_two_by_hand() -> None:
    # tail t: right_2 = t, wrong_2 = 0; wrong_1 = F^-1(t), right_1 = t + F^-1(t);
    # wrong_0 = F^-1(right_1), right_0 = right_1. Refuted if right_1 + F^-1(right_1) > 1, and
    # x + F^-1(x) = 1 at x = Phi(mu / 2). So t + F^-1(t) = Phi(mu / 2) at the bound.
    mu = mu_lower_bound(canaries=2, guesses=2, correct=2, level=0.4)
    assert 0.6 + _inverse(0.6, mu) == pytest.approx(NORMAL.cdf(mu / 2), abs=1e-9)
    # Without any leak both are right with probability 1 / 4.
    assert mu_lower_bound(canaries=2, guesses=2, correct=2, level=0.7501) == 0.0
    assert mu_lower_bound(canaries=2, guesses=2, correct=2, level=0.7499) > 0.0


def test_one_right_guess_of_one_is_the_best_test_between_two_normals() -> None:
    for accuracy in (0.55, 0.8, 0.99):
        mu = mu_lower_bound(canaries=1, guesses=1, correct=1, level=1 - accuracy)
        assert mu == pytest.approx(2 * NORMAL.inv_cdf(accuracy), abs=1e-8)


@pytest.mark.parametrize(
    ("canaries", "guesses", "correct", "tail"),
    [
        (10, 10, 9, 0.05), (100, 100, 70, 0.05), (100, 100, 100, 0.05), (100, 100, 52, 0.05),
        (300, 60, 45, 0.05), (300, 60, 60, 0.01), (250, 250, 180, 0.2), (20, 20, 0, 0.05),
    ],
)  # fmt: skip
def test_the_fast_recursion_equals_its_plain_twin(
    canaries: int, guesses: int, correct: int, tail: float
) -> None:
    given = {"canaries": canaries, "guesses": guesses, "correct": correct, "level": 1 - tail}
    assert mu_lower_bound(**given) == pytest.approx(  # type: ignore[arg-type]
        _slow_bound(canaries, guesses, correct, tail), abs=1e-8
    )
    mus = np.linspace(0, 4, 17)
    slow = [_refuted(float(mu), canaries, guesses, correct, tail) for mu in mus]
    assert refutes_mu(mus, **given).tolist() == slow  # type: ignore[arg-type]


@pytest.mark.parametrize(("guesses", "correct", "canaries"), [(12, 9, 12), (8, 8, 8), (10, 8, 25)])
def test_no_distribution_that_the_inequalities_allow_has_a_larger_tail(
    guesses: int, correct: int, canaries: int
) -> None:
    """The largest P[at least v right] by linear programming, F^-1 replaced by many tangents."""
    mu = 0.8
    at = NormalDist()
    rows, limits = [], []
    i = np.arange(guesses + 1)
    for t in range(guesses):
        for x in np.linspace(1e-4, 0.9999, 800):
            z = at.inv_cdf(float(x))
            slope = at.pdf(z - mu) / at.pdf(z)
            right = np.where(i >= t + 1, i / canaries, 0.0)
            wrong = np.where(i >= t, (guesses - i) / canaries, 0.0)
            # wrong >= F^-1(x) + slope (right - x)
            rows.append(slope * right - wrong)
            limits.append(slope * x - at.cdf(z - mu))
    found = optimize.linprog(
        -(i >= correct).astype(float), A_ub=rows, b_ub=limits, A_eq=[np.ones(guesses + 1)], b_eq=[1]
    )
    largest = -found.fun
    given = {"canaries": canaries, "guesses": guesses, "correct": correct}
    # Outside of all the tangents there is a little more room than there is.
    assert refutes_mu(np.array([mu]), **given, level=1 - largest * 1.001)[0]  # type: ignore[arg-type]
    assert not refutes_mu(np.array([mu]), **given, level=1 - largest * 0.99)[0]  # type: ignore[arg-type]


def test_the_bound_is_monotone() -> None:
    by_correct = [_bound(60, correct, 1e-5) for correct in range(61)]
    assert by_correct == sorted(by_correct)
    assert by_correct[30] == 0 < by_correct[45] < by_correct[60]
    by_size = [
        mu_lower_bound(canaries=n, guesses=n, correct=n * 7 // 10) for n in range(10, 400, 30)
    ]
    assert by_size == sorted(by_size)
    by_level = [
        mu_lower_bound(canaries=99, guesses=99, correct=80, level=level)
        for level in (0.99, 0.9, 0.5)
    ]
    assert by_level == sorted(by_level)
    # More canaries without a guess can only make it weaker.
    by_canaries = [mu_lower_bound(canaries=n, guesses=60, correct=50) for n in (600, 240, 120, 60)]
    assert by_canaries == sorted(by_canaries)
    by_delta = [_bound(60, 50, delta) for delta in (0.1, 1e-2, 1e-5, 1e-9)]
    assert by_delta == sorted(by_delta)
    refuted = refutes_mu(np.linspace(0, 5, 300), canaries=80, guesses=80, correct=70)
    assert np.array_equal(refuted, np.sort(refuted)[::-1])


def test_epsilon_of_mu_solves_the_formula() -> None:
    for mu, delta in ((0.3, 1e-5), (1.0, 1e-5), (3.0, 1e-8), (8.0, 1e-3)):
        epsilon = epsilon_of_mu(mu, delta)
        at, beyond = epsilon / mu - mu / 2, epsilon / mu + mu / 2
        found = math.erfc(at / math.sqrt(2)) / 2
        found -= math.exp(epsilon) * math.erfc(beyond / math.sqrt(2)) / 2
        assert found == pytest.approx(delta, rel=1e-6)
    assert epsilon_of_mu(0.0, 1e-5) == 0.0
    # delta(0) = 2 Phi(mu / 2) - 1: at and above it epsilon is 0.
    assert epsilon_of_mu(1.0, 2 * NORMAL.cdf(0.5) - 1 + 1e-9) == 0.0
    assert epsilon_of_mu(15.0, 1e-12) > epsilon_of_mu(15.0, 1e-6) > 100


def _worlds(mu: float, abstain: float, count: int, m: int = 120) -> int:
    """In how many worlds of a mu-Gaussian mechanism the bound exceeds its true epsilon."""
    truth, above = epsilon_of_mu(mu, 1e-5), 0
    generator = np.random.default_rng(7)
    for world in range(count):
        included = generator.random(m) < 0.5
        answer = included * mu + generator.standard_normal(m)
        found = one_run_epsilon(
            answer, included, inclusion="independent", abstain=abstain, delta=1e-5, seed=world
        )
        assert found.gaussian is not None
        assert found.gaussian.lower_bound is not None
        above += found.gaussian.lower_bound > truth
    return above


@pytest.mark.parametrize(
    ("mu", "abstain"),
    [
        pytest.param(0.3, 0.0, marks=pytest.mark.slow),
        pytest.param(1.0, 0.7, marks=pytest.mark.slow),
        pytest.param(0.3, 0.7, marks=pytest.mark.slow),
        pytest.param(1.0, 0.0, marks=pytest.mark.slow),
    ],
)
def test_the_true_epsilon_of_a_gaussian_mechanism_is_exceeded_in_5_percent_at_most(
    mu: float, abstain: float
) -> None:
    """Noise N(0, 1) on mu for each canary: changing one coin moves a single answer by mu."""
    above = _worlds(mu, abstain=abstain, count=300)
    interval = stats.binomtest(above, 300).proportion_ci(0.95, method="exact")
    assert above / 300 <= 0.05
    assert interval.high <= 0.085


def test_worlds_that_leak_more_than_they_claim_are_noticed() -> None:
    """The simulation can fail: the same worlds against the epsilon of a weaker leak."""
    truth, above = epsilon_of_mu(0.3, 1e-5), 0
    generator = np.random.default_rng(7)
    for world in range(30):
        included = generator.random(400) < 0.5
        answer = included * 1.5 + generator.standard_normal(400)
        found = one_run_epsilon(
            answer, included, inclusion="independent", delta=1e-5, seed=world
        ).gaussian
        assert found is not None
        assert found.lower_bound is not None
        above += found.lower_bound > truth
    assert above > 27


def test_without_a_delta_there_is_a_mu_but_no_epsilon() -> None:
    found = gaussian_bound(canaries=100, guesses=100, correct=70, delta=0.0)
    assert found.mu == pytest.approx(0.283, abs=1e-3)
    assert (found.lower_bound, found.ceiling) == (None, None)
    assert "a delta above 0" in found.explanation


def test_the_assumption_is_named() -> None:
    found = gaussian_bound(canaries=100, guesses=100, correct=70, delta=1e-6)
    assert found.explanation == (
        "The bound for Gaussian trade-offs is 1.21 at delta 1e-06 (tighter, but assumes that the "
        "mechanism's trade-off is Gaussian)."
    )
    assert found.ceiling == pytest.approx(9.07, abs=0.01)


def test_a_million_canaries_take_a_moment() -> None:
    assert mu_lower_bound(canaries=10**6, guesses=10**6, correct=600_000) == pytest.approx(
        0.173, abs=1e-3
    )


def test_what_is_impossible_is_refused() -> None:
    with pytest.raises(InputError, match="impossible"):
        mu_lower_bound(canaries=10, guesses=11, correct=5)
    with pytest.raises(InputError, match="delta must be above 0"):
        epsilon_of_mu(1.0, 0.0)
