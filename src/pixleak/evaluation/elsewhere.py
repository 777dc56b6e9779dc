"""Does an attack find more on the target than on models that were trained on neither side?

A model that saw neither members nor non-members cannot remember them. If an attack separates the
sides on such a model too (the attacker's shadow, or the references that lack a record), the sides
differ by something else than training: masks drawn with an offset, another scanner, easier images.
An untrained model does not show this, because only a trained one has an opinion about masks.

Two comparisons follow, since each is weak where the other is strong.

*The control.* The AUC of the same scores on the foreign model, with its interval. It fails where
the interval lies above one half. An interval below one half cannot fake a leak but hides one.

*The excess.* With few records the control lacks power, and the attack may be significant by the
same chance that moves the control. Both are measured on the same records, so they are compared in
pairs. With V the placements of the records (share of the other side that a record is beaten by
or beats) on the target, and W on the foreign model::

    excess = (AUC_target - 1/2) - b (AUC_foreign - 1/2)
    var    = sum over sides  u / (u - 1) * sum over units (sum in unit of D - mean D)^2 / n^2
    D      = V - b W                    for n records of u units on a side

``b`` is 1 for a threshold on a signal: the target is then compared with a model like it. A score
that is calibrated by references has subtracted what these say about the record, so that it is only
weighed against the part that still varies with the foreign signal: ``b`` is the slope of V on W
within sides, between 0 and 1. The lower end of the interval is the one-sided bound of 95 %.

Source:
    pixleak. Paired variance of AUCs: DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988; by
    cluster: Obuchowski, Biometrics 53, 1997.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.results.base import Interval
from pixleak.results.controls import Control

ELSEWHERE = "trained-elsewhere"
"""Name of the control."""

ELSEWHERE_TITLE = "Trained elsewhere"

BOUND = 0.90
"""Level of the two-sided interval of the excess, whose lower end holds with 95 %."""


def elsewhere_control(title: str, auc: Interval, models: str) -> Control:
    """A model that saw neither side, as a control of the whole audit.

    Args:
        title: of the signal.
        auc: of that signal on the model.
        models: what was asked: ``the shadow model``.
    """
    passed = auc.low <= 0.5
    if not passed:
        found = (
            "It distinguishes members from non-members all the same, so the two sets differ by "
            "something else than training: in annotation, alignment, origin or difficulty. Draw "
            "both sets at random from the same source, annotated in the same way."
        )
    elif auc.high < 0.5:
        found = (
            "It ranks members lower than non-members, so the members are harder for any model. "
            "That cannot fake a leak, but it hides one."
        )
    else:
        found = (
            "It does not distinguish members from non-members better than chance (its data are "
            f"compatible with an AUC between {auc.low:.2f} and {auc.high:.2f})."
        )
    return Control(
        name=ELSEWHERE,
        title=f"{ELSEWHERE_TITLE} ({title})",
        auc=auc,
        passed=passed,
        explanation=f"The same signal of {models}, which saw neither side in training. {found}",
    )


def no_elsewhere(reason: str) -> Control:
    """The control where it could not be run.

    Args:
        reason: why, as the end of a sentence.
    """
    return Control(
        name=ELSEWHERE,
        title=ELSEWHERE_TITLE,
        auc=None,
        passed=None,
        explanation=f"Not run: {reason}.",
    )


def excess(
    target: Floats,
    foreign: Floats,
    member: Bools,
    units: Sequence[str],
    *,
    calibrated: bool = False,
) -> Interval:
    """How much more of a separation the target shows than the foreign model; see the module.

    Args:
        target: (n,) scores of the target; higher = more likely a member.
        foreign: (n,) scores of the foreign model.
        member: (n,) bool.
        units: (n,) unit of each record.
        calibrated: whether the target's scores have subtracted what references say.

    Example:
        The same scores twice: whatever they separate is explained.

        >>> names = [str(i) for i in range(20)]
        >>> same = excess(np.arange(20.0), np.arange(20.0), np.arange(20) >= 10, names)
        >>> same.value, same.low
        (0.0, 0.0)
    """
    v, w = placements_in_order(target, member), placements_in_order(foreign, member)
    share = _slope(v, w, member) if calibrated else 1.0
    difference = v - share * w
    _, codes = np.unique(np.asarray(units, np.str_), return_inverse=True)
    value, variance, fewest = 0.0, 0.0, len(v)
    for side in (member, ~member):
        value += 0.5 * float(difference[side].mean())
        centred = difference[side] - difference[side].mean()
        _, own = np.unique(codes[side], return_inverse=True)
        sums = np.bincount(own, centred)
        u = len(sums)
        variance += u / max(u - 1, 1) * float(np.sum(sums**2)) / int(side.sum()) ** 2
        fewest = min(fewest, u)
    value -= 0.5 * (1 - share)
    reach = float(special.stdtrit(max(fewest - 1, 1), (1 + BOUND) / 2)) * float(np.sqrt(variance))
    return Interval(
        value=value,
        low=max(value - reach, -1.0),
        high=min(value + reach, 1.0),
        level=BOUND,
        method="paired placements, by unit",
    )


def rates_at(scores: Floats, member: Bools, fprs: Sequence[float]) -> list[float]:
    """The true positive rates of scores at these false positive rates."""
    roc = roc_of(scores, member)
    inside = scores[member]
    return [float((inside > roc.at_fpr(fpr).threshold).mean()) for fpr in fprs]


def placements_in_order(scores: Floats, member: Bools) -> Floats:
    """(n,) for a member the share of non-members below, for a non-member that of members above.

    Ties count one half, so that the mean over either side is the AUC.

    Example:
        >>> inside = np.array([True, True, False, False])
        >>> placements_in_order(np.array([3.0, 2.0, 2.0, 1.0]), inside).tolist()
        [1.0, 0.75, 0.75, 1.0]
    """
    found = np.empty(len(scores))
    for side, sign in ((member, 1), (~member, -1)):
        others = np.sort(sign * scores[~side])
        mine = sign * scores[side]
        below = np.searchsorted(others, mine, "left") + np.searchsorted(others, mine, "right")
        found[side] = below / (2 * len(others))
    return found


def _slope(v: Floats, w: Floats, member: Bools) -> float:
    crossed = squared = 0.0
    for side in (member, ~member):
        centred = w[side] - w[side].mean()
        crossed += float(centred @ (v[side] - v[side].mean()))
        squared += float(centred @ centred)
    return float(np.clip(crossed / squared, 0.0, 1.0)) if squared > 0 else 0.0
