"""Controls: what must not tell members from non-members if the audit is fair.

A control fails if its interval lies above one half, at a level shared among the controls of the
audit (Bonferroni: each interval covers ``1 - alpha / controls``).

A *fixed score* (an untrained model's) gets the interval that attacks get, and fails below one
half too, since any difference between the two sides is a confounder.

A *classifier learned out of fold* (the blind baseline) does not. Its scores are not independent:
folds share training records, which spreads the AUC more than an interval for independent scores
expects, and holding a record out leaves its own side the rarer one in training, which pulls the
AUC below one half. Both are in the AUCs of the same procedure with membership dealt at random,
``a_1 .. a_p``, so the interval comes from them, by inverting the permutation test::

    low = AUC - (Q(1 - alpha/2) - 1/2),     high = AUC - (Q(alpha/2) - 1/2),    Q of the a_i

Measured on fair splits of phantoms, 30 and 100 records a side (``benchmarks/auc_coverage.py``, 200
repeats each): the control failed 2.0 % and 1.0 % of them, where 2.5 % is meant; an interval for
independent scores failed 4.5 % and 3.0 %.

``low > 1/2`` exactly where fewer than ``alpha/2`` of the permutations reach the AUC. An interval
wholly below one half is no finding: a classifier that finds something is above. A control that
passes has not been shown to find nothing, so its explanation names what its interval leaves open.
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
        name: ``blind-baseline``.
        title: what to call it in tables.
        what: one sentence: what it is, and why it cannot use a leak.
        null_aucs: (p,) AUCs by chance of scores that were learned out of fold on these very
            records; None for scores that were not learned on them.
        units: (n,) subject of each record, or None.
        controls: number of controls that share the level.
        level: family-wise level of all of them.
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
        found = "It tells members from non-members, so they differ in themselves."
    else:
        found = f"It does not tell members from non-members beyond chance ({compatible(interval)})."
        if interval.high < 0.5:
            found += (
                " An AUC below one half is no finding here: each record is scored by a classifier "
                "that learned without it and so saw one record fewer of its side, which pulls the "
                "AUC down where there is nothing to learn."
            )
    return Control(
        name=name, title=title, auc=interval, passed=passed, explanation=f"{what} {found}"
    )


def untrained_control(title: str, auc: Interval) -> Control:
    """The untrained model as a control: one attack on a network that has seen no record.

    Args:
        title: of the attack.
        auc: of that attack on the untrained model.
    """
    passed = auc.low <= 0.5 <= auc.high
    found = (
        f"It does not tell members from non-members beyond chance ({compatible(auc)})."
        if passed
        else "It tells members from non-members although nothing was learned: the two sides "
        "differ in difficulty, and the attack reads that."
    )
    return Control(
        name="untrained-model",
        title=f"Untrained model ({title})",
        auc=auc,
        passed=passed,
        explanation=(
            "The same attack on the same network with random weights, which has seen no record. "
            + found
        ),
    )


def compatible(interval: Interval) -> str:
    """What a control that found nothing leaves open."""
    return f"an AUC between {interval.low:.2f} and {interval.high:.2f} is compatible with it"


def permutation_interval(auc: float, null_aucs: Floats, *, level: float) -> Interval:
    """The interval that a permutation test of the AUC inverts to.

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
        raise InputError(f"{len(null_aucs)} permutations are too few for an interval of {level}")
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
