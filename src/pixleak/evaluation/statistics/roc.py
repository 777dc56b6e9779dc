"""The exact ROC of a set of scores.

A record is called a member where ``score > threshold``. The curve has one point for each
distinct score and one at which every record is called a member; records with equal scores move
together, as one step. No point is dropped or interpolated::

    TPR(t) = #{members with score > t} / #members
    FPR(t) = #{non-members with score > t} / #non-members

The area is counted in whole and half pairs, so it equals the Mann-Whitney statistic exactly::

    AUC = P(member > non-member) + P(member = non-member) / 2

Source:
    Bamber, "The area above the ordinal dominance graph and the area below the receiver operating
    characteristic graph", Journal of Mathematical Psychology 12, 1975.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.sample import Ints, checked_scores


@dataclass(frozen=True)
class RocPoint:
    """One point of the curve, as counts."""

    threshold: float
    true_positives: int
    false_positives: int


@dataclass(frozen=True, eq=False)
class Roc:
    """All k + 1 points of the curve, from no record called a member to all of them.

    Args:
        thresholds: (k + 1,) descending: the k distinct scores, then -inf. A score of -inf
            exceeds no threshold, so where one occurs the last point is a convention.
        true_positives: (k + 1,) members above the threshold.
        false_positives: (k + 1,) non-members above it.
        members: number of members.
        nonmembers: number of non-members.

    Example:
        >>> roc = roc_of(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False]))
        >>> roc.thresholds.tolist()
        [3.0, 2.0, 1.0, -inf]
        >>> roc.true_positives.tolist(), roc.false_positives.tolist()
        ([0, 1, 2, 2], [0, 0, 1, 2])
        >>> roc.auc  # of four pairs, three in order and one tied: 3.5 / 4
        0.875
        >>> roc.at_fpr(0.0)
        RocPoint(threshold=2.0, true_positives=1, false_positives=0)
    """

    thresholds: Floats
    true_positives: Ints
    false_positives: Ints
    members: int
    nonmembers: int

    @property
    def tpr(self) -> Floats:
        """(k + 1,) true positive rates."""
        return self.true_positives / self.members

    @property
    def fpr(self) -> Floats:
        """(k + 1,) false positive rates."""
        return self.false_positives / self.nonmembers

    @property
    def auc(self) -> float:
        """The area under the curve, exact up to one rounding."""
        wide = np.diff(self.false_positives)
        # Twice the area in units of one pair is a whole number.
        twice = int(np.sum(wide * (self.true_positives[1:] + self.true_positives[:-1])))
        return twice / (2 * self.members * self.nonmembers)

    def at_fpr(self, fpr: float) -> RocPoint:
        """The lowest threshold that keeps the false positive rate at most ``fpr``.

        It has the most true positives that the rate allows. It is the (floor(fpr * nonmembers)
        + 1)-th largest score of the non-members, so it does not depend on the members.
        """
        allowed = allowed_false_positives(fpr, self.nonmembers)
        return self.point(int(np.searchsorted(self.false_positives, allowed, side="right")) - 1)

    def point(self, index: int) -> RocPoint:
        """The index-th point."""
        return RocPoint(
            float(self.thresholds[index]),
            int(self.true_positives[index]),
            int(self.false_positives[index]),
        )

    def corners(self) -> tuple[Floats, Floats]:
        """FPR and TPR of the points needed to draw the curve: none inside a straight segment."""
        steps = np.stack([np.diff(self.false_positives), np.diff(self.true_positives)])
        keep = np.ones(len(self.thresholds), dtype=bool)
        keep[1:-1] = steps[0, :-1] * steps[1, 1:] != steps[0, 1:] * steps[1, :-1]
        return self.fpr[keep], self.tpr[keep]


def allowed_false_positives(fpr: float, nonmembers: int) -> int:
    """The most false positives that keep the rate at most ``fpr``."""
    # The small tolerance makes 0.07 of 100 non-members seven of them, however 0.07 * 100 rounds.
    return int(np.floor(fpr * nonmembers + 1e-9))


def roc_of(scores: Floats, member: Bools) -> Roc:
    """The ROC of (n,) scores, infinite ones included, and (n,) membership.

    Raises:
        InputError: a score is NaN, or there are no members or no non-members.
    """
    member = np.asarray(member, dtype=bool)
    scores = checked_scores(scores, member)
    members = int(member.sum())
    nonmembers = len(member) - members
    if not members or not nonmembers:
        raise InputError(
            f"a ROC needs members and non-members, got {members} members and "
            f"{nonmembers} non-members"
        )
    order = np.argsort(-scores, kind="stable")
    ranked, truth = scores[order], member[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    true_positives = np.cumsum(truth, dtype=np.int64)[ends]
    return Roc(
        thresholds=np.append(ranked[ends], -np.inf),
        true_positives=np.insert(true_positives, 0, 0),
        false_positives=np.insert(ends + 1 - true_positives, 0, 0),
        members=members,
        nonmembers=nonmembers,
    )


def attainable_auc(roc: Roc) -> float:
    """The highest AUC that scores with these ties could have given, had they ranked perfectly.

    Of m members and n non-members, all m highest scores are taken to be members. If the tie at the
    border holds k members and l non-members, their k * l pairs count one half each::

        AUC = 1 - k l / (2 m n)

    Example:
        >>> attainable_auc(roc_of(np.array([1.0, 1.0, 1.0]), np.array([True, False, False])))
        0.5
        >>> scores = np.array([2.0, 1.0, 1.0, 0.0])  # the tie holds one of each
        >>> attainable_auc(roc_of(scores, np.array([True, False, True, False])))
        0.875
    """
    above = roc.true_positives + roc.false_positives
    border = int(np.searchsorted(above, roc.members))
    if above[border] == roc.members:
        return 1.0
    inside = int(roc.members - above[border - 1])
    outside = int(above[border] - roc.members)
    return float(1 - inside * outside / (2 * roc.members * roc.nonmembers))
