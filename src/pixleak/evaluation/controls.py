"""Controls: scores that must not distinguish members from non-members if the audit is fair.

A control fails if its interval lies above one half, at a level shared among the controls of the
audit (Bonferroni: each interval covers ``1 - alpha / controls``).

A *fixed score* (of an untrained model) gets the same interval as an attack, and also fails below
one half, since any difference between the two sides is a confounder.

A *classifier trained out of fold* (the blind baseline) needs another interval, because its scores
are not independent: folds share training records, which increases the variance of the AUC, and
holding a record out makes its own side rarer in training, which pulls the AUC below one half. The
AUCs ``a_1 .. a_p`` of the same procedure with randomly permuted membership show both effects, so
the interval is computed from them, by inverting the permutation test::

    low = AUC - (Q(1 - alpha/2) - 1/2),     high = AUC - (Q(alpha/2) - 1/2),    Q of the a_i

On fair splits of phantoms with 30 and 100 records per side (``benchmarks/auc_coverage.py``, 200
repeats each) the control failed in 2.0 % and 1.0 % of the cases (nominal: 2.5 %); with an interval
for independent scores it failed in 4.5 % and 3.0 %.

``low > 1/2`` exactly if fewer than ``alpha/2`` of the permutations reach the AUC. An interval
entirely below one half is not a failure: a classifier that finds a difference lies above. A passed
control does not prove that there is no difference, so its explanation states its interval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.intervals import auc_interval
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.results.base import Interval
from pixleak.results.controls import Control


def evaluate_control(
    scores: Floats,
    member: Bools,
    *,
    name: str,
    title: str,
    what: str,
    null_aucs: Floats | None = None,
    units: Sequence[str] | None = None,
    controls: int = 1,
    level: float = 0.05,
    replicates: int = 1000,
    seed: int = 0,
) -> Control:
    """Measure and judge one control.

    Args:
        scores: (n,) of the control; higher = more likely a member.
        member: (n,) bool.
        name: such as ``blind-baseline``.
        title: its name in tables.
        what: one sentence: what it is, and why it cannot use a leak.
        null_aucs: (p,) AUCs under permuted membership, for scores that were learned out of fold on
            these same records; None for scores that were not learned on them.
        units: (n,) subject of each record, or None.
        controls: number of controls that share the level.
        level: family-wise level of all controls.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: NaN, or too few records or subjects.
    """
    share = level / controls
    if null_aucs is None:
        interval = auc_interval(
            scores, member, units=units, level=1 - share, replicates=replicates, seed=seed
        )
        passed = interval.low <= 0.5 <= interval.high
    else:
        interval = permutation_interval(roc_of(scores, member).auc, null_aucs, level=1 - share)
        passed = interval.low <= 0.5
    if not passed:
        found = "It distinguishes members from non-members, so the two sets themselves differ."
    else:
        found = passed_sentence(interval)
        if interval.high < 0.5:
            found += (
                " An AUC below one half is expected here if there is no difference: each record is "
                "scored by a classifier that was trained without it, and so on one record fewer of "
                "its side."
            )
    return Control(
        name=name, title=title, auc=interval, passed=passed, explanation=f"{what} {found}"
    )


def untrained_control(title: str, auc: Interval) -> Control:
    """The untrained model as a control: one attack on a network that was never trained.

    Args:
        title: of the attack.
        auc: of that attack on the untrained model.
    """
    passed = auc.low <= 0.5 <= auc.high
    found = (
        passed_sentence(auc)
        if passed
        else "It distinguishes members from non-members without any training: the two sets differ "
        "in difficulty, and the attack measures that difference."
    )
    return Control(
        name="untrained-model",
        title=f"Untrained model ({title})",
        auc=auc,
        passed=passed,
        explanation=(
            "The same attack on the same network with random weights, which was never trained. "
            + found
        ),
    )


def passed_sentence(interval: Interval) -> str:
    """What a passed control shows, with the AUCs that it does not rule out."""
    return (
        "It does not distinguish members from non-members better than chance (its data are "
        f"compatible with an AUC between {interval.low:.2f} and {interval.high:.2f})."
    )


def permutation_interval(auc: float, null_aucs: Floats, *, level: float) -> Interval:
    """The interval obtained by inverting a permutation test of the AUC.

    Example:
        >>> chance = np.arange(1, 100) / 100  # .01 to .99, so 95 % lie within .03 to .97
        >>> found = permutation_interval(0.6, chance, level=0.95)
        >>> round(found.low, 2), round(found.high, 2)
        (0.13, 1.0)

    Raises:
        InputError: too few permutations for the level.
    """
    tail = (1 - level) / 2
    if len(null_aucs) < 1 / tail - 1:
        raise InputError(
            f"{len(null_aucs)} permutations are too few for an interval of level {level}; use more"
        )
    low, high = (
        np.quantile(null_aucs, tail, method="lower"),
        np.quantile(null_aucs, 1 - tail, method="higher"),
    )
    return Interval(
        value=auc,
        low=max(0.0, float(auc - (high - 0.5))),
        high=min(1.0, float(auc - (low - 0.5))),
        level=level,
        method="permutation of membership, inverted",
    )
