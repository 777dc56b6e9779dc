"""A control: are the records of a side independent of one another?

If the records of each side were drawn one by one, the pictures most like a record lie on either
side as often as chance has it. If slices of one volume or frames of one video lie on one side as a
whole, its nearest neighbours lie on its own side more often. The share of such neighbours is tested
by permuting membership over units (a nearest-neighbour test of two samples). It sees pictures and
membership and never the model, so a leak cannot raise it, and scores that depend smoothly on the
picture do not raise it either.

How much it matters depends on the scores: with z the scores' ranks, centred on each side, and
standardised, and a = +1 for members and -1 for non-members, the variance of a difference between
the sides is multiplied by at least::

    design effect = 1 + sum over neighbours (i, j) of a_i a_j z_i z_j / sum over i of z_i^2

where each unordered pair of neighbours counts twice. It is Kish's 1 + (m - 1) ICC where the m - 1
others of a record are its neighbours; with more others than neighbours it is a lower bound. Where
membership is drawn record by record its expectation is about 1, because a_i a_j has either sign.

Source:
    Schilling, "Multivariate two-sample tests based on nearest neighbors", JASA 81, 1986;
    Henze, Annals of Statistics 16, 1988; Kish, "Survey Sampling", 1965 (design effect).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.sample import Ints
from pixleak.results.controls import Control

CORRELATED = "correlated-records"
LEVEL = 0.01
"""Level of the test: the probability that independent records fail."""
MATTERS = 1.25
"""Design effect from which it matters: a test at 5 % then errs in 7 % of cases."""
_PERMUTATIONS = 999


def correlated_control(
    edges: Ints, member: Bools, unit: Ints, scores: Sequence[Floats], *, seed: int = 0
) -> Control:
    """Judge the independence of records from their neighbours and the attacks' scores.

    Args:
        edges: (e, 2) each record with the records most like it, of other units.
        member: (n,) bool.
        unit: (n,) unit of each record, 0 .. u - 1.
        scores: of each attack (n,), NaN where it was not measured.
        seed: of the permutations.
    """
    if not len(edges):
        return _told(None, "It could not be measured: no two records have content to compare.")
    p_value, observed, chance = same_side_test(edges, member, unit, seed=seed)
    effect = max((design_effect(edges, member, one) for one in scores), default=1.0)
    seen = (
        f"{observed:.0%} of the pictures most like a record are on its own side, {chance:.0%} by "
        f"chance (p = {p_value:.2g})"
    )
    if p_value > LEVEL:
        return _told(True, f"Records are not more like those of their own side: {seen}.")
    advice = (
        "Records of a side are like one another, as slices of one volume or frames of one video "
        f"are: {seen}. State what belongs together as a subject."
    )
    if effect < MATTERS:
        return _told(True, f"{advice} The scores depend on it little (design effect {effect:.2f}).")
    return _told(
        False,
        f"{advice} The scores of like records are alike too, so their differences vary at least "
        f"{effect:.1f} times as much as those of independent records (design effect).",
    )


def same_side_test(
    edges: Ints, member: Bools, unit: Ints, *, seed: int = 0
) -> tuple[float, float, float]:
    """p-value of the share of neighbours on one side, that share, and its mean by chance.

    Example:
        Four pairs of like records, two pairs on each side: as many as can be.

        >>> edges = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
        >>> p, observed, chance = same_side_test(edges, np.arange(8) < 4, np.arange(8))
        >>> observed, round(chance, 1), p > 0.05
        (1.0, 0.4, True)
    """
    _, first = np.unique(unit, return_index=True)
    sides = member[first]
    generator = np.random.default_rng(seed)

    def share(of_unit: Bools) -> float:
        inside = of_unit[unit]
        return float((inside[edges[:, 0]] == inside[edges[:, 1]]).mean())

    observed = share(sides)
    drawn = [share(generator.permutation(sides)) for _ in range(_PERMUTATIONS)]
    reached = sum(one >= observed - 1e-12 for one in drawn)
    return (1 + reached) / (1 + _PERMUTATIONS), observed, float(np.mean(drawn))


def design_effect(edges: Ints, member: Bools, scores: Floats) -> float:
    """By how much the variance of a difference between the sides is multiplied, at least.

    Example:
        Pairs with equal scores on one side: 1 + (2 - 1) * 1.

        >>> edges = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
        >>> design_effect(edges, np.arange(8) < 4, np.array([1.0, 1, 2, 2, 1, 1, 2, 2]))
        2.0
    """
    known = ~np.isnan(scores)
    z = np.zeros(len(scores))
    z[known] = rankdata(scores[known])
    for side in (member & known, ~member & known):
        if side.any():
            z[side] -= z[side].mean()
    total = float(np.square(z).sum())
    if total <= 0:
        return 1.0
    pairs = np.unique(np.sort(edges, axis=1), axis=0)
    signed = np.where(member, 1.0, -1.0) * z
    return 1 + 2 * float((signed[pairs[:, 0]] * signed[pairs[:, 1]]).sum()) / total


def _told(passed: bool | None, explanation: str) -> Control:
    return Control(
        name=CORRELATED,
        title="Correlated records",
        auc=None,
        passed=passed,
        explanation=explanation,
    )
