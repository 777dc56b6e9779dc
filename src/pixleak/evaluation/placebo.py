"""Members against members: what an attack finds where there is nothing to find.

The tests of an audit take the units (records, or subjects) for independent. Where scores follow the
order of the records and nobody said so (batches of one annotator, a drift of the scanner, slices
without a subject), they find too much. So one attack's scores are compared within the members, and
within the non-members, in the order of the records::

    random halves    the attack's own test on 20 random halves of each side: the number of p-values
                     up to .05 is binomial, whatever the data; more show that the test is broken
    halves in order  |mean rank of the first half - mean rank of the second half|
    neighbours       sum of r_k r_(k+1),  r the mean rank of unit k of a side, centred

The last two are compared with permutations of the units within a side, at a level that the four
tests share (Bonferroni). Random halves cannot see dependence, since a random split is exchangeable
whatever depends on what; halves in order see drifts, order effects and a change of batch half-way;
neighbours see clusters of any length from two on, wherever they begin.

Dependence alone is harmless where membership was dealt without regard to the order: then
permutations stay valid. The control fails only if neighbours are also on the same side more often
than by chance, and the attack does not survive what was found: its test with ten blocks of
neighbours a side as units (for neighbours), and its interval against the AUC of the halves. The
attack is the strongest of several, so that test shares its level among them (Bonferroni), as those
of the verdict do: at the whole level each would be right, and the best of them too often.

It looks at scores and order, and never at a picture. :mod:`pixleak.evaluation.correlated` looks at
pictures, in any order, where no subjects were given. Slices in order show up in both; subjects of
one batch, or masks that drift, only here; like pictures in mixed order only there.

Source:
    pixleak. Sum of products of neighbours: Wald and Wolfowitz, "An exact test for randomness in the
    non-parametric case based on serial correlation", Annals of Mathematical Statistics 14, 1943.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.intervals import auc_interval
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import MIN_RECORDS, MIN_SUBJECTS, Ints, sample_of
from pixleak.evaluation.statistics.significance import auc_p_value
from pixleak.results.base import Interval
from pixleak.results.controls import Control

PLACEBO = "member-placebo"
"""Name of the control."""

_TITLE = "Members against members"
RANDOM_HALVES = 20
"""Random halves of each side."""
PERMUTED = 2000
"""Permutations of the units of a side."""
BLOCKS = 10
"""Blocks of neighbours on each side, of the test that allows for dependence."""
_BROKEN = 0.001


def placebo_control(
    scores: Floats,
    member: Bools,
    units: Sequence[str],
    order: Sequence[int],
    *,
    title: str,
    attacks: int = 1,
    said: bool = False,
    level: float = 0.05,
    seed: int = 0,
) -> Control:
    """Measure and judge the control.

    Args:
        scores: (n,) of one attack; higher = more likely a member.
        member: (n,) bool.
        units: (n,) unit of each record.
        order: (n,) place of each record in the data.
        title: of the attack.
        attacks: number of attacks of which this one is the strongest.
        said: whether the control of correlated records has failed, whose advice is not repeated.
        level: of the control.
        seed: of halves and permutations.
    """
    arranged = np.argsort(np.asarray(order), kind="stable")
    scores, member = np.asarray(scores)[arranged], np.asarray(member)[arranged]
    names = np.asarray(units, np.str_)[arranged]
    few = min(len(np.unique(names[side])) for side in (member, ~member))
    if few < 2 * MIN_SUBJECTS or min(int(member.sum()), int((~member).sum())) < 2 * MIN_RECORDS:
        return Control(
            name=PLACEBO,
            title=_TITLE,
            auc=None,
            passed=None,
            explanation=f"Not run: halves of a side need {MIN_RECORDS} records in {MIN_SUBJECTS} "
            "subjects or blocks each.",
        )
    generator = np.random.default_rng(seed)
    sides = [_Side(scores[side], names[side]) for side in (member, ~member)]
    found = sum(one.significant_halves(generator) for one in sides)
    p_halves = min(1.0, 4 * min(order_p_value(one.ranks, halves_apart, generator) for one in sides))
    p_neighbours = min(
        1.0, 4 * min(order_p_value(one.ranks, like_neighbours, generator) for one in sides)
    )
    shown = max((one.first_against_second() for one in sides), key=lambda i: abs(i.value - 0.5))
    broken = bool(stats.binom.sf(found - 1, 2 * RANDOM_HALVES, 0.05) < _BROKEN)
    apart = max(shown.value, 1 - shown.value)
    what = f"The scores of '{title}' compared within each side, in the order of the records."
    problems = []
    if p_halves <= level and auc_interval(scores, member, units=names.tolist()).low <= apart:
        problems.append("the first half of a side is told from its second half")
    if p_neighbours <= level and _by_blocks(scores, member, names, seed) > level / attacks:
        problems.append("records get scores like those of their neighbours")
    together = _clustered(member, names, generator) <= level
    if broken:
        told = (
            f"{found} of {2 * RANDOM_HALVES} random halves of a side were told from the rest of "
            "it, so the test itself cannot be relied on here."
        )
    elif problems and together:
        told = f"Within a side {' and '.join(problems)}, and neighbours lie on the same side" + (
            ", as 'Correlated records' found by their pictures."
            if said
            else ", so the records are not independent and the tests find too much. Give the "
            "subject or group of each record, or deal the records to both sides at random."
        )
    elif p_halves <= level or p_neighbours <= level:
        why = (
            "the attack stands out from it also where neighbours count as one"
            if not problems
            else "membership does not follow the order"
        )
        told = f"Scores follow the order of the records, but {why}."
    else:
        told = "Neither random halves, halves in order nor neighbours show more than chance."
    return Control(
        name=PLACEBO,
        title=_TITLE,
        auc=shown,
        passed=not (broken or (bool(problems) and together)),
        explanation=f"{what} {told}",
    )


class _Side:
    """The scores of one side in order, and their units in order of appearance."""

    def __init__(self, scores: Floats, names: NDArray[np.str_]) -> None:
        self.scores, self.names = scores, names
        self.codes = _in_order(names)
        ranks = stats.rankdata(scores)
        self.count = int(self.codes.max()) + 1
        means = np.bincount(self.codes, ranks) / np.bincount(self.codes)
        self.ranks = means - means.mean()

    def significant_halves(self, generator: np.random.Generator) -> int:
        """How many random halves have a p-value up to .05."""
        found = 0
        for _ in range(RANDOM_HALVES):
            first = generator.permutation(np.arange(self.count) < self.count // 2)[self.codes]
            found += self._p_of(first) <= 0.05
        return found

    def first_against_second(self) -> Interval:
        """The AUC of the first half against the second, with its interval."""
        first = self.codes < self.count // 2
        if min(int(first.sum()), int((~first).sum())) < MIN_RECORDS:
            value = roc_of(self.scores, first).auc
            return Interval(value=value, low=0.0, high=1.0, method="too few records")
        return auc_interval(self.scores, first, units=self.names.tolist())

    def _p_of(self, first: Bools) -> float:
        if min(int(first.sum()), int((~first).sum())) < MIN_RECORDS:
            return 1.0
        return auc_p_value(sample_of(self.scores, first, self.names.tolist()))


def order_p_value(
    ranks: Floats, statistic: Callable[[Floats], Floats], generator: np.random.Generator
) -> float:
    """Share of permutations of a side's units that reach the statistic, the actual one included.

    Args:
        ranks: (u,) mean rank of each unit, centred, in order.
        statistic: ``halves_apart`` or ``like_neighbours``.
        generator: of the permutations.
    """
    rows = np.broadcast_to(ranks, (PERMUTED, len(ranks)))
    reached = statistic(generator.permuted(rows, axis=1)) >= statistic(ranks[None, :])[0] - 1e-9
    return float((1 + reached.sum()) / (1 + PERMUTED))


def halves_apart(ranks: Floats) -> Floats:
    """Distance of the mean ranks of the first half and the second; (p, u) -> (p,).

    Example:
        >>> halves_apart(np.array([[-1.5, -0.5, 0.5, 1.5]])).tolist()
        [2.0]
    """
    half = ranks.shape[1] // 2
    apart: Floats = np.abs(ranks[:, :half].mean(axis=1) - ranks[:, half:].mean(axis=1))
    return apart


def like_neighbours(ranks: Floats) -> Floats:
    """Sum of products of neighbouring centred ranks; (p, u) -> (p,).

    Example:
        0.75 - 0.25 + 0.75:

        >>> like_neighbours(np.array([[-1.5, -0.5, 0.5, 1.5]])).tolist()
        [1.25]
    """
    products: Floats = (ranks[:, 1:] * ranks[:, :-1]).sum(axis=1)
    return products


def _in_order(names: NDArray[np.str_]) -> Ints:
    """(n,) numbers of the units, by first appearance."""
    _, first, codes = np.unique(names, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    found: Ints = rank[codes]
    return found


def _by_blocks(scores: Floats, member: Bools, names: NDArray[np.str_], seed: int) -> float:
    """The p-value of the attack's AUC with blocks of neighbours as units."""
    blocks = np.empty(len(names), dtype=np.int64)
    for start, side in ((0, member), (BLOCKS, ~member)):
        codes = _in_order(names[side])
        blocks[side] = start + codes * BLOCKS // (codes.max() + 1)
    return auc_p_value(sample_of(scores, member, blocks.astype(np.str_).tolist()), seed)


def _clustered(member: Bools, names: NDArray[np.str_], generator: np.random.Generator) -> float:
    """The p-value of neighbours being on one side no more often than by chance."""
    codes = _in_order(names)
    side = np.zeros(int(codes.max()) + 1, dtype=bool)
    side[codes] = member
    rows = generator.permuted(np.broadcast_to(side, (PERMUTED, len(side))), axis=1)
    same = (rows[:, 1:] == rows[:, :-1]).sum(axis=1)
    reached = same >= int((side[1:] == side[:-1]).sum())
    return float((1 + reached.sum()) / (1 + PERMUTED))
