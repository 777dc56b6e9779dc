"""The signals of every model on every record that it is asked about, with one query per record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pixleak.core.progress import Progress, Silent
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, ReferenceTable, SignalTable
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.measuring.lacking import lacking_mean
from pixleak.pipeline.measuring.learned import shadow_pass
from pixleak.pipeline.measuring.measured import Measured, MeasuredPart, PartName
from pixleak.pipeline.measuring.passes import Passes
from pixleak.pipeline.models import Model, Models, Reference
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Store

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.signals.base import Signal


def measure_all(
    plan: Plan,
    chosen: Chosen,
    models: Models,
    records: PreparedRecords,
    store: Store,
    progress: Progress,
    clock: Clock,
) -> Measured:
    """Query the shadow first, since signals learned on it are part of the pass over the target.

    Raises:
        InputError: the target's output is unusable.
    """
    learned: list[tuple[Signal, str]] = []
    passes = Passes(plan, chosen, store, progress, clock)
    shadow = None
    if models.shadow is not None:
        shadow_records = records.select(plan.ids(Role.SHADOW_MEMBERS, Role.SHADOW_NONMEMBERS))
        shadow, learned = shadow_pass(passes, models.shadow, shadow_records)
        shadow = _joined(shadow, passes.difficulty(shadow_records))
    signals = [(s, s.identity) for s in chosen.fixed] + learned
    ids = _ids(plan, chosen)
    # Every model is asked about all of these in one pass.
    asked = records.select(asked_ids(plan, chosen))
    # What no model is asked for is the same for all of them.
    difficulty = passes.difficulty(asked)

    def table(model: Model | Reference, progress: Progress) -> SignalTable:
        return _joined(passes.table(model, asked, signals, progress), difficulty)

    target = table(models.target, progress)
    untrained = None if models.untrained is None else table(models.untrained, progress)
    pool: list[SignalTable] = []
    for reference in models.references:
        pool.append(table(reference, Silent()))
        progress.update("asking the references", len(pool), len(models.references))
    parts = {
        name: MeasuredPart(
            target.select(ids=part),
            None if untrained is None else untrained.select(ids=part),
            _pooled(plan, part, pool),
        )
        for name, part in ids.items()
        if part
    }
    elsewhere = None
    pooled = parts[PartName.AUDITED].reference
    if pooled is not None:
        elsewhere = lacking_mean(pooled)
    elif models.shadow is not None:
        # The pass over its own records is what the shadow's utility is measured by.
        first = passes.asked[models.shadow.info.name]
        audited = records.select(plan.audited)
        elsewhere = passes.table(models.shadow, audited, signals, progress)
        passes.asked[models.shadow.info.name] = first
        if difficulty is not None:
            elsewhere = elsewhere.join(difficulty)
    return Measured(parts, passes.asked, shadow, elsewhere)


def asked_ids(plan: Plan, chosen: Chosen) -> list[str]:
    """The ids of all records that every model is asked about."""
    parts = _ids(plan, chosen).values()
    return list(dict.fromkeys(key for part in parts for key in part))


def _ids(plan: Plan, chosen: Chosen) -> dict[PartName, tuple[str, ...]]:
    """The records of each part."""
    reserve = plan.taught_on
    return {
        PartName.AUDITED: plan.audited,
        PartName.OUTER: plan.outer if chosen.outer else (),
        PartName.CANARIES: plan.ids(Role.CANARIES),
        PartName.BYSTANDERS: plan.ids(Role.BYSTANDER_MEMBERS, Role.BYSTANDER_NONMEMBERS),
        PartName.RESERVE: (*reserve, *plan.ids(Role.TARGET_NONMEMBERS)) if reserve else (),
    }


def _joined(table: SignalTable, difficulty: SignalTable | None) -> SignalTable:
    return table if difficulty is None else table.join(difficulty)


def _pooled(plan: Plan, ids: Sequence[str], pool: Sequence[SignalTable]) -> ReferenceTable | None:
    if plan.references is None or not pool:
        return None
    drawn = plan.references.membership
    column = {key: j for j, key in enumerate(drawn.ids)}
    member: Bools = np.zeros((len(pool), len(ids)), dtype=bool)
    for j, key in enumerate(ids):
        if key in column:
            member[:, j] = drawn.inside[:, column[key]]
    parts = [table.select(ids=ids) for table in pool]
    return ReferenceTable(
        ids=tuple(ids),
        models=drawn.models,
        values=np.stack([part.values for part in parts]),
        infos=parts[0].infos,
        measured=np.stack([part.measured for part in parts]),
        member=member,
    )
