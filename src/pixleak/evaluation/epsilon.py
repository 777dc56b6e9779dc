"""A lower bound of epsilon from one training run.

Each of ``m`` canaries was included in the training set by the toss of a fair coin. An attacker
scores them, guesses "in" for the highest ``k`` and "out" for the lowest ``k``, and abstains on the
rest; ``k`` is fixed before the canaries are scored. If training is (epsilon, delta)-differentially
private in each canary, the number of correct guesses among ``r = 2k`` is, apart from delta,
stochastically no larger than the number of successes in ``r`` Bernoulli trials with probability
``q = e^eps / (1 + e^eps)``::

    P[at least v correct] <= P[B >= v] + 2 m delta alpha                B ~ Binomial(r, q)
    alpha = max over i = 1 .. r of P[v - i <= B < v] / i

The bound is the largest epsilon at which that probability is at most 1 - level. It holds for the
training procedure, whatever the attack; a weak attack only makes it smaller.
Beside it stands the tighter bound of :mod:`pixleak.evaluation.gaussian_epsilon`.

Source:
    Steinke, Nasr, Jagielski, "Privacy Auditing with One (1) Training Run", NeurIPS 2023,
    arXiv:2305.08846, Theorem 5.2.

Differs from the source:
    Guesses are split evenly between "in" and "out". Equal scores are ordered at random.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import optimize, stats

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.gaussian_epsilon import gaussian_bound
from pixleak.results.sections import Epsilon

Inclusion = Literal["independent", "fixed-size", "unknown"]

HIGHEST = 50.0
"""Epsilon at which the search ends; bounds are far smaller in practice."""


def epsilon_p_value(
    epsilon: float, *, canaries: int, guesses: int, correct: int, delta: float = 0.0
) -> float:
    """Highest probability of so many correct guesses if training is (epsilon, delta)-private.

    Args:
        epsilon: at least 0.
        canaries: m.
        guesses: r, at most m.
        correct: v, at most r.
        delta: from 0 to 1.

    Example:
        Ten correct guesses of ten, at epsilon 0: ten fair coins.

        >>> epsilon_p_value(0.0, canaries=10, guesses=10, correct=10) == 0.5**10
        True
    """
    q = 1.0 / (1.0 + np.exp(-epsilon))
    tail = float(stats.binom.sf(correct - 1, guesses, q))
    if delta <= 0:
        return min(tail, 1.0)
    steps = np.arange(1, guesses + 1)
    below = stats.binom.sf(correct - 1 - steps, guesses, q) - tail
    alpha = float(np.max(below / steps, initial=0.0))
    return min(tail + 2 * canaries * delta * alpha, 1.0)


def epsilon_lower_bound(
    *, canaries: int, guesses: int, correct: int, delta: float = 0.0, level: float = 0.95
) -> float:
    """The largest epsilon that so many correct guesses refute, 0 if none.

    Example:
        All correct: the largest bound that any attack can reach with so many guesses.

        >>> [round(epsilon_lower_bound(canaries=r, guesses=r, correct=r), 2) for r in (100, 500)]
        [3.49, 5.11]
    """
    if not 0 < guesses <= canaries or not 0 <= correct <= guesses:
        raise InputError(
            f"{correct} correct guesses of {guesses} about {canaries} canaries are impossible: "
            "expected 0 <= correct <= guesses <= canaries, and at least one guess"
        )

    def excess(epsilon: float) -> float:
        return epsilon_p_value(
            epsilon, canaries=canaries, guesses=guesses, correct=correct, delta=delta
        ) - (1 - level)

    if excess(0.0) > 0:
        return 0.0
    if excess(HIGHEST) <= 0:
        return HIGHEST
    return float(optimize.brentq(excess, 0.0, HIGHEST, xtol=1e-9))


def one_run_epsilon(
    scores: Floats,
    included: Bools,
    *,
    inclusion: Inclusion,
    abstain: float = 0.0,
    delta: float = 0.0,
    level: float = 0.95,
    seed: int = 0,
    kind: str = "given",
    attack: str = "given",
    signal: str = "score",
) -> Epsilon:
    """Guess which canaries were included, and bound epsilon by the number of correct guesses.

    The result has two bounds: one for every (epsilon, delta)-private mechanism, and in ``gaussian``
    the tighter one for mechanisms whose trade-off is Gaussian.

    Args:
        scores: (m,) higher = more likely trained on.
        included: (m,) bool, whether each was trained on.
        inclusion: how that was decided. Only ``"independent"``, a separate fair coin for each
            canary, allows a bound.
        abstain: share of canaries without a guess, fixed before scoring.
        delta: of the (epsilon, delta) in question. At 0 the bound for Gaussian trade-offs has a mu
            but no epsilon.
        level: confidence.
        seed: of the order of equal scores.
        kind: how the canaries were made, as reported in the result.
        attack: name of the attack that scored them.
        signal: name of the signal that it used.

    Raises:
        InputError: canaries were not included independently, scores are NaN, shapes differ, or
            there are no guesses.

    Example:
        >>> inside = np.arange(100) < 50
        >>> found = one_run_epsilon(inside * 1.0, inside, inclusion="independent")
        >>> found.correct, round(found.lower_bound, 2)
        (100, 3.49)
    """
    if inclusion != "independent":
        how = "a fixed number of them was" if inclusion == "fixed-size" else "it is unknown how"
        raise InputError(
            "a bound on epsilon requires that each canary was included by a separate fair coin, "
            f"but here {how} included; toss a coin for each canary, or report TPR at FPR instead"
        )
    scores, included = np.asarray(scores, dtype=np.float64), np.asarray(included, dtype=bool)
    if scores.ndim != 1 or scores.shape != included.shape:
        raise InputError(
            "scores and included must hold one value per canary, got shapes "
            f"{scores.shape} and {included.shape}"
        )
    if np.isnan(scores).any():
        raise InputError(f"the score of canary {int(np.isnan(scores).argmax())} is NaN")
    if not 0 <= abstain < 1 or not 0 <= delta < 1:
        raise InputError(f"abstain and delta must be in [0, 1), got {abstain} and {delta}")
    each = int((1 - abstain) * len(scores) / 2 + 1e-9)
    if not each:
        raise InputError(f"{len(scores)} canaries with abstain={abstain} leave no guesses")
    lot = np.random.default_rng(seed).permutation(len(scores))
    order = np.lexsort((lot, scores))
    correct = int(included[order[-each:]].sum() + (~included[order[:each]]).sum())
    m, r = len(scores), 2 * each
    bound = epsilon_lower_bound(canaries=m, guesses=r, correct=correct, delta=delta, level=level)
    ceiling = epsilon_lower_bound(canaries=m, guesses=r, correct=r, delta=delta, level=level)
    return Epsilon(
        lower_bound=bound,
        level=level,
        delta=delta,
        canaries=m,
        included=int(included.sum()),
        kind=kind,
        guesses=r,
        correct=correct,
        ceiling=ceiling,
        gaussian=gaussian_bound(canaries=m, guesses=r, correct=correct, delta=delta, level=level),
        attack=attack,
        signal=signal,
        explanation=_explanation(bound, ceiling, r, correct, level),
    )


def _explanation(bound: float, ceiling: float, guesses: int, correct: int, level: float) -> str:
    found = f"{correct} of {guesses} guesses about canaries were correct"
    most = f"(the largest bound possible with this number of guesses is {ceiling:.2f})"
    if bound > 0:
        return (
            f"{found}: with {100 * level:g} % confidence this training run is not epsilon-private "
            f"for any epsilon below {bound:.2f} {most}."
        )
    return f"{found}, which is compatible with chance: no bound above 0 can be given {most}."
