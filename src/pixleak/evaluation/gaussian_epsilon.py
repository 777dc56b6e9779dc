"""A lower bound of epsilon from one training run, for Gaussian trade-offs.

The bound of :mod:`pixleak.evaluation.epsilon` allows for every (epsilon, delta)-private mechanism,
also for the one that reveals each canary with probability delta and nothing else. What is trained
with Gaussian noise is not like that. A mechanism is mu-Gaussian-private if telling any two
neighbouring training sets apart is at least as hard as telling N(0, 1) from N(mu, 1): a test whose
false positive rate is ``x`` has a true positive rate of at most ``F(x) = Phi(Phi^-1(x) + mu)``.

Each of ``m`` canaries was included by a fair coin. An attacker guesses about ``r`` of them and is
right about at least ``v``. With ``p_i`` for the probability that exactly ``i`` guesses are right,
every ``t`` must satisfy ::

    sum over i >= t of  (i / m) p_i   <=   F( sum over i >= t - 1 of  ((r - i) / m) p_i )

The left side is the probability that the guess about a canary drawn by lot is right and at least
``t`` are right; the sum on the right is the probability of the same event with that canary's coin
turned over. If ``v`` or more right guesses have probability ``tail``, then ``p_v = tail``, and from
there downwards each ``p_i`` has a smallest value. With the sums of both sides, ``right`` and
``wrong``::

    right_v = tail v / m                      wrong_v = tail (r - v) / m
    wrong_i = max(wrong_(i+1), F^-1(right_(i+1)))
    right_i = right_(i+1) + i / (r - i) (wrong_i - wrong_(i+1))                   i = v - 1 .. 0

If ``right_0 + wrong_0 > r / m``, the probabilities add up to more than one: so many right guesses
are less probable than ``tail``. The bound is the largest mu refuted in this way at ``tail = 1 -
level``, and epsilon is what that mu means at a delta::

    delta = Phi(-epsilon / mu + mu / 2) - e^epsilon Phi(-epsilon / mu - mu / 2)

Source:
    Mahloujifar, Melis, Chaudhuri, "Auditing f-Differential Privacy in One Run", 2024,
    arXiv:2410.22235, Algorithm 3. The last formula: Dong, Roth, Su, "Gaussian Differential
    Privacy", JRSS B 84, 2022, Corollary 2.13.

Differs from the source:
    Two values of a coin only. The largest mu is searched for by bisection, not on a grid of noises.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.results.sections import GaussianEpsilon

HIGHEST_MU = 20.0
"""Where the search for mu ends; a million right guesses of a million refute less than 4."""

_AT_ONCE = 48
_ROUNDS = 7
_ROUNDING = 1e-12


def refutes_mu(
    mu: Floats, *, canaries: int, guesses: int, correct: int, level: float = 0.95
) -> Bools:
    """Whether so many correct guesses refute mu-Gaussian privacy, for many mu at once.

    Args:
        mu: (n,) at least 0.
        canaries: m.
        guesses: r, at most m.
        correct: v, at most r.
        level: confidence.

    Returns:
        (n,) bool.

    Example:
        Two right guesses of two have probability 1 / 4 by chance.

        >>> [bool(refutes_mu(np.zeros(1), canaries=2, guesses=2, correct=2, level=level)[0])
        ...  for level in (0.74, 0.76)]
        [True, False]
    """
    mu = np.asarray(mu, dtype=np.float64)
    tail, whole = 1 - level, guesses / canaries * (1 + _ROUNDING)
    right = np.full_like(mu, tail * correct / canaries)
    wrong = np.full_like(mu, tail * (guesses - correct) / canaries)
    refuted = right + wrong > whole
    for i in range(correct - 1, -1, -1):
        # What is refuted already may exceed 1.
        least = special.ndtr(special.ndtri(np.minimum(right, 1.0)) - mu)
        more = np.maximum(least - wrong, 0.0)
        wrong += more
        right += i / (guesses - i) * more
        refuted |= right + wrong > whole
        # Where nothing was added, nothing will be: the next step sees the same sums.
        if np.all(refuted | (more == 0)):
            break
    return refuted


def mu_lower_bound(*, canaries: int, guesses: int, correct: int, level: float = 0.95) -> float:
    """The largest mu that so many correct guesses refute, 0 if none.

    Raises:
        InputError: the numbers are impossible.

    Example:
        One right guess of one, at a confidence of 20 %: the best guess about N(0, 1) and N(mu, 1)
        is right with probability Phi(mu / 2), and Phi(0.8416) = 0.8.

        >>> round(mu_lower_bound(canaries=1, guesses=1, correct=1, level=0.2) / 2, 4)
        0.8416
    """
    if not 0 < guesses <= canaries or not 0 <= correct <= guesses:
        raise InputError(
            f"{correct} correct guesses of {guesses} about {canaries} canaries are impossible: "
            "expected 0 <= correct <= guesses <= canaries, and at least one guess"
        )
    low, high = 0.0, HIGHEST_MU
    for _ in range(_ROUNDS):
        grid = np.linspace(low, high, _AT_ONCE)
        refuted = refutes_mu(grid, canaries=canaries, guesses=guesses, correct=correct, level=level)
        if not refuted[0]:
            return low
        if refuted[-1]:
            return high
        first = int(np.argmin(refuted))
        low, high = float(grid[first - 1]), float(grid[first])
    return low


def epsilon_of_mu(mu: float, delta: float) -> float:
    """The smallest epsilon at which mu-Gaussian privacy is (epsilon, delta)-privacy.

    Args:
        mu: at least 0.
        delta: above 0; a Gaussian mechanism is (epsilon, 0)-private for no epsilon.

    Raises:
        InputError: delta is not between 0 and 1, both excluded.

    Example:
        >>> round(epsilon_of_mu(1.0, 1e-5), 3)
        4.377
    """
    if not 0 < delta < 1:
        raise InputError(f"delta must be above 0 and below 1, got {delta}")

    def excess(epsilon: float) -> float:
        at, beyond = -epsilon / mu + mu / 2, -epsilon / mu - mu / 2
        ratio = np.exp(epsilon + special.log_ndtr(beyond) - special.log_ndtr(at))
        return float(special.log_ndtr(at) + np.log1p(-ratio) - np.log(delta))

    if mu <= 0 or excess(0.0) <= 0:
        return 0.0
    # delta <= Phi(-epsilon / mu + mu / 2) <= exp(-(epsilon / mu - mu / 2)^2 / 2).
    most = mu * (mu / 2 + np.sqrt(-2 * np.log(delta))) + 1e-9
    return float(optimize.brentq(excess, 0.0, most, xtol=1e-12))


def gaussian_bound(
    *, canaries: int, guesses: int, correct: int, delta: float, level: float = 0.95
) -> GaussianEpsilon:
    """The bound on mu, and what it means for epsilon at ``delta``.

    Args:
        canaries: m.
        guesses: r, at most m.
        correct: v, at most r.
        delta: from 0 to 1; at 0 only mu is bounded.
        level: confidence.

    Raises:
        InputError: the numbers are impossible.

    Example:
        >>> found = gaussian_bound(canaries=100, guesses=100, correct=70, delta=1e-6)
        >>> round(found.mu, 3), round(found.lower_bound, 2)
        (0.283, 1.21)
    """
    mu = mu_lower_bound(canaries=canaries, guesses=guesses, correct=correct, level=level)
    if delta <= 0:
        explanation = (
            f"If the mechanism's trade-off is Gaussian, mu is at least {mu:.2f}; a delta above 0 "
            "turns this into a bound on epsilon."
        )
        return GaussianEpsilon(mu=mu, lower_bound=None, ceiling=None, explanation=explanation)
    most = mu_lower_bound(canaries=canaries, guesses=guesses, correct=guesses, level=level)
    bound, ceiling = epsilon_of_mu(mu, delta), epsilon_of_mu(most, delta)
    explanation = (
        f"The bound for Gaussian trade-offs is {bound:.2f} at delta {delta:g} (tighter, but "
        "assumes that the mechanism's trade-off is Gaussian)."
    )
    return GaussianEpsilon(mu=mu, lower_bound=bound, ceiling=ceiling, explanation=explanation)
