"""Attacks on the reserve, where the model that answers was trained on it.

A student that is taught on the defender's reserve may remember that as well as an undefended model
remembers its members. So the reserve's records are attacked like members, by thresholds on one
signal. Calibrated attacks are left out: reference models are trained on audited records, and none
holds the reserve in the way that the target does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from pixleak.analyses.base import Analysis, Context
from pixleak.analyses.drawing.terminal_tables import best_of, ranked
from pixleak.core.roles import Role
from pixleak.core.tables import Bools
from pixleak.results.attacks import AttackResult
from pixleak.results.sections import Section

if TYPE_CHECKING:
    from pixleak.results.audit import Result


class ReserveLevel(Section):
    """Attacks on the defender's reserve, where the target that answers was trained on it."""

    name = "reserve"

    records: int = Field(description="of the reserve")
    nonmembers: int = Field(description="the target's, which they are compared with")
    attacks: list[AttackResult] = Field(description="a member here is a record of the reserve")
    explanation: str


class ReserveAnalysis(Analysis[ReserveLevel]):
    """Thresholds on reserve records against non-members."""

    name = "reserve"
    title = "Reserve"
    summary = "attacks on the reserve, where the target was trained on it"
    place = 70
    section = ReserveLevel
    template = "sections/reserve.html.j2"

    def compute(self, context: Context) -> ReserveLevel | None:
        from pixleak.pipeline.attacking import Observed, Scored, attack
        from pixleak.pipeline.judging import Carried, evaluated, too_few
        from pixleak.pipeline.measuring.measured import PartName

        plan, part = context.plan, context.measured[PartName.RESERVE]
        if part.target is None:
            return None
        inside = set(plan.taught_on)
        unit_of = plan.split.units(plan.records)
        note = context.models.untrained_note
        attacks = []
        for planned in context.chosen.attacks:
            if not planned.plain:
                continue
            scores = attack(planned, Observed(part.target))
            control = None if part.untrained is None else attack(planned, Observed(part.untrained))
            one = Scored(planned, scores, control)
            member: Bools = np.array([key in inside for key in scores.ids])
            units = [unit_of[key] for key in scores.ids]
            if too_few(scores, member, units):
                continue
            attacks.append(
                evaluated(plan, one, member, units, note, Carried(), "bootstrap/reserve")
            )
        others = len(plan.ids(Role.TARGET_NONMEMBERS))
        explanation = (
            f"The target was taught on the defender's reserve, so those {len(inside)} records are "
            f"attacked as well, by thresholds alone, against its {others} non-members."
        )
        if not attacks:
            explanation += " They are too few to be evaluated."
        return ReserveLevel(
            records=len(inside), nonmembers=others, attacks=attacks, explanation=explanation
        )

    def sentence(self, section: ReserveLevel) -> str:
        return f"{section.explanation}{best_of(section.attacks)}"

    def view(self, section: ReserveLevel, result: Result, folder: Path) -> dict[str, Any]:
        return {"attacks": ranked(section.attacks)}
