"""What an audit's queries will take, where each of them has its price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.roles import Role
from pixleak.pipeline.asking.rehearsal import Expected, expected
from pixleak.pipeline.asking.self_check import asked_about
from pixleak.pipeline.measuring.measure_all import asked_ids
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import GivenTarget, Plan
from pixleak.records.prepared.prepare import PreparedRecords
from pixleak.targets.altered import bare

if TYPE_CHECKING:
    from pixleak.targets.endpoint.meter import Meter


def meter_of(plan: Plan) -> Meter | None:
    """What asks, keeps and counts, of a target whose every query has its price; else None."""
    given = plan.target
    return bare(given.target).meter if isinstance(given, GivenTarget) else None


def queries_of(
    plan: Plan, chosen: Chosen, artefacts: Path, records: PreparedRecords
) -> Expected | None:
    """What asking the target will take; None where queries are free.

    Args:
        plan: of the audit.
        chosen: its signals.
        artefacts: folder of the store, in which answers are kept.
        records: prepared.

    Raises:
        InputError: the service cannot be asked about such images.
    """
    meter = meter_of(plan)
    if meter is None or not isinstance(plan.target, GivenTarget):
        return None
    meter.keep_in(artefacts / "answers")
    inside, outside = asked_about(plan.ids(Role.TARGET_MEMBERS), plan.ids(Role.TARGET_NONMEMBERS))
    return expected(
        plan.target.target,
        records.select(inside),
        records.select(outside),
        [records.select(asked_ids(plan, chosen))],
        chosen.fixed,
        batch_size=plan.batch_size,
        samples=plan.samples,
    )
