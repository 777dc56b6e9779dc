"""Whether the units of an audit are independent of one another: by pictures, and by order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pixleak.core.roles import Role
from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.correlated import correlated_control
from pixleak.evaluation.placebo import placebo_control
from pixleak.pipeline.attacking import Scored
from pixleak.pipeline.clusters import descriptors
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Store
from pixleak.records.checks.neighbours import nearest_pictures
from pixleak.results.attacks import AttackResult
from pixleak.results.controls import Control

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords


def independence_controls(
    plan: Plan,
    records: PreparedRecords,
    attacks: Sequence[AttackResult],
    scored: Sequence[Scored],
    store: Store,
) -> list[Control]:
    """Correlated records, where no subjects or blocks say what belongs together, and the placebo.

    Args:
        plan: with its clusters.
        records: the target members and non-members.
        attacks: as evaluated.
        scored: the scores behind them.
        store: where the descriptors are kept.
    """
    members = set(plan.ids(Role.TARGET_MEMBERS))
    member: Bools = np.array([key in members for key in records.ids])
    by_id = plan.split.units(plan.records)
    units = [by_id[key] for key in records.ids]
    found = []
    if plan.split.unit != "block" and any(key.subject is None for key in records.keys):
        found.append(_by_pictures(plan, records, scored, member, units, store))
    strongest = max(range(len(attacks)), key=lambda i: attacks[i].auc.value)
    place = {key: i for i, key in enumerate(plan.records.ids)}
    values = _in_rows(scored[strongest], records.ids)
    known = ~np.isnan(values)
    placebo = placebo_control(
        values[known],
        member[known],
        [unit for unit, kept in zip(units, known, strict=True) if kept],
        [place[key] for key, kept in zip(records.ids, known, strict=True) if kept],
        title=attacks[strongest].title,
        attacks=len(attacks),
        said=any(one.passed is False for one in found),
        level=round(1 - plan.evaluation.level, 10),
        seed=plan.seed_for("placebo"),
    )
    return [*found, placebo]


def _by_pictures(
    plan: Plan,
    records: PreparedRecords,
    scored: Sequence[Scored],
    member: Bools,
    units: Sequence[str],
    store: Store,
) -> Control:
    _, unit = np.unique(units, return_inverse=True)
    unit = unit.astype(np.int64)
    edges = nearest_pictures(descriptors(records, store), unit)
    columns = [_in_rows(one, records.ids) for one in scored]
    seed = plan.seed_for("correlated")
    return correlated_control(edges, member, unit, columns, seed=seed)


def _in_rows(one: Scored, ids: Sequence[str]) -> Floats:
    """The scores in the order of these records, NaN where they were not measured."""
    where = {key: i for i, key in enumerate(one.scores.ids)}
    values: Floats = np.where(one.scores.measured, one.scores.values, np.nan)
    return values[[where[key] for key in ids]]
