"""Every attack beside a model that was trained on neither side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pixleak.attacks.threshold import Threshold
from pixleak.core.tables import Bools, Scores, SignalTable
from pixleak.evaluation.elsewhere import (
    elsewhere_control,
    excess,
    no_elsewhere,
    rates_at,
)
from pixleak.evaluation.statistics.intervals import auc_interval
from pixleak.evaluation.statistics.sample import MIN_RECORDS, MIN_SUBJECTS
from pixleak.pipeline.attacking import Scored
from pixleak.pipeline.plan.plan import Plan
from pixleak.results.attacks import AttackResult
from pixleak.results.base import Interval
from pixleak.results.controls import Control

GLOBAL_LOSSES = ("cross-entropy", "l1-error")
"""Signals that the control looks at beside that of the strongest attack."""


def foreign_scores(one: Scored, table: SignalTable) -> Scores:
    """The attack's first signal on the foreign model, as scores."""
    return Threshold().score(table.select(signals=one.planned.columns[:1]))


def beside_elsewhere(
    plan: Plan,
    attacks: Sequence[AttackResult],
    scored: Sequence[Scored],
    table: SignalTable | None,
    member: Bools,
    units: Sequence[str],
) -> tuple[list[AttackResult], list[Control]]:
    """The attacks with their figures on the foreign model, and the controls.

    Args:
        plan: of the audit.
        attacks: as evaluated on the target.
        scored: the scores behind them.
        table: signals of the foreign model on the audited records.
        member: (n,) bool.
        units: (n,) unit of each record.
    """
    if table is None:
        reason = (
            "there is neither a shadow model nor a pool of reference models, so no model was "
            "trained on neither side"
        )
        return list(attacks), [no_elsewhere(reason)]
    found = []
    names = np.asarray(units, np.str_)
    for attack, one in zip(attacks, scored, strict=True):
        foreign = foreign_scores(one, table)
        target = one.scores
        both = target.measured & foreign.measured
        if not _enough(both, member, names):
            found.append(attack)
            continue
        chosen = names[both].tolist()
        values = foreign.values[both]
        held = member[both]
        update = {
            "elsewhere_auc": _interval(plan, foreign, both, member, names, controls=1),
            "elsewhere_excess": excess(
                target.values[both], values, held, chosen, calibrated=not one.planned.plain
            ),
            "elsewhere_tpr": rates_at(values, held, [rate.fpr for rate in attack.tpr_at_fpr]),
        }
        found.append(attack.model_copy(update=update))
    measured = [i for i, attack in enumerate(found) if attack.elsewhere_auc is not None]
    if not measured:
        return found, [no_elsewhere("no signal of a foreign model is defined for enough records")]
    strongest = max(measured, key=lambda i: found[i].auc.value)
    columns = [found[i].signal for i in measured]
    chosen_attacks = [strongest]
    for name in GLOBAL_LOSSES:
        if name in columns and scored[strongest].planned.columns[0] != name:
            chosen_attacks.append(measured[columns.index(name)])
    models = "the shadow model" if plan.references is None else "the references that lack a record"
    controls = []
    for i in chosen_attacks:
        foreign = foreign_scores(scored[i], table)
        both = scored[i].scores.measured & foreign.measured
        interval = _interval(plan, foreign, both, member, names, controls=len(chosen_attacks))
        column = table.select(signals=[foreign.signal]).infos[0]
        title = column.title or column.name.replace("-", " ")
        controls.append(elsewhere_control(title[0].upper() + title[1:], interval, models))
    return found, controls


def _interval(
    plan: Plan,
    foreign: Scores,
    both: Bools,
    member: Bools,
    names: NDArray[np.str_],
    *,
    controls: int,
) -> Interval:
    level = 1 - (1 - plan.evaluation.level) / controls
    return auc_interval(
        foreign.values[both],
        member[both],
        units=names[both].tolist(),
        level=round(level, 10),
        replicates=plan.evaluation.replicates,
        seed=plan.seed_for(f"elsewhere/{foreign.signal}"),
    )


def _enough(both: Bools, member: Bools, names: NDArray[np.str_]) -> bool:
    return all(
        (both & side).sum() >= MIN_RECORDS and len(np.unique(names[both & side])) >= MIN_SUBJECTS
        for side in (member, ~member)
    )
