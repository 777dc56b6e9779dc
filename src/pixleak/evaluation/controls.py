"""Controls: what must not tell members from non-members if the audit is fair.

A control fails if its interval lies above one half, at a level shared among the controls of the
audit (Bonferroni: each interval covers ``1 - alpha / controls``).

An interval *below* one half fails a fixed score (an untrained model) too, since any difference
between the two sides is a confounder. It does not fail a cross-validated classifier (the blind
baseline). Where there is nothing to learn, its out-of-fold scores lean to the wrong side, since
holding out a record leaves its own side the rarer one in training; and they spread more than the
interval expects, since folds share their training records. Measured with a logistic regression on
ten features of pure noise and 30 or 100 records a side (``benchmarks/auc_coverage.py``): mean AUC
0.491 and 0.492, 95 % intervals wholly below one half in 9 % and 12 % of samples, wholly above in
7 % and 7.5 %. So about one fair split in fourteen fails this control: it errs to caution. A
classifier that does find something is above one half; nothing is lost by looking only there.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.evaluation.intervals import auc_interval
from pixleak.results import Control
from pixleak.types import Bools, Floats


def evaluate_control(
    scores: Floats,
    member: Bools,
    *,
    name: str,
    title: str,
    what: str,
    cross_validated: bool,
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
        cross_validated: whether the scores were learned out of fold on these very records.
        units: (n,) subject of each record, or None.
        controls: number of controls that share the level.
        level: family-wise level of all of them.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: NaN, or too few records or subjects.
    """
    interval = auc_interval(
        scores,
        member,
        units=units,
        level=1 - level / controls,
        replicates=replicates,
        seed=seed,
    )
    passed = interval.low <= 0.5 and (cross_validated or interval.high >= 0.5)
    found = (
        "It cannot tell members from non-members."
        if passed
        else "It tells members from non-members, so they differ in themselves."
    )
    return Control(
        name=name, title=title, auc=interval, passed=passed, explanation=f"{what} {found}"
    )
