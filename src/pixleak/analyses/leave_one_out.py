"""Leave-one-out: every model of the pool in turn as the victim, the others as its references.

One target is one draw of training set and seed. The mean over victims estimates the leak of this
way of training, and their spread shows how representative a single audit is
(:mod:`pixleak.evaluation.leave_one_out`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.padding import Padding

from pixleak.analyses.base import Analysis, Context
from pixleak.analyses.drawing.terminal_tables import auc_cell, plain_table
from pixleak.evaluation.leave_one_out import VictimScores, leave_one_out
from pixleak.results.sections import LeaveOneOut, Spread

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pixleak.results.audit import Result

SHOWN = 8
"""Attacks that the terminal shows."""


class LeaveOneOutAnalysis(Analysis[LeaveOneOut]):
    """Mean and spread of each attack over all models of the pool."""

    name = "leave-one-out"
    title = "Leave-one-out"
    summary = "the same attacks on every model of the pool, with the spread over models"
    place = 40
    section = LeaveOneOut
    template = "sections/leave-one-out.html.j2"

    def compute(self, context: Context) -> LeaveOneOut | None:
        plan, chosen, victims = context.plan, context.chosen, context.victims
        if plan.references is None or not victims:
            return None
        by_id = plan.split.units(plan.records)
        attacks = [one.planned for one in victims]
        preferred = chosen.attacks[chosen.default]
        models = plan.references.membership.models
        return leave_one_out(
            [
                VictimScores(
                    name=one.planned.attack.name,
                    signal=one.planned.info.name,
                    title=one.planned.title,
                    scores=one.scores,
                    measured=one.measured,
                    member=one.member,
                )
                for one in victims
            ],
            [by_id[key] for key in victims[0].ids],
            victims=models,
            references=len(models) - 2,
            default=attacks.index(preferred) if preferred in attacks else 0,
            level=plan.evaluation.level,
            fprs=plan.evaluation.fprs,
            replicates=plan.evaluation.replicates,
            seed=plan.seed_for("leave-one-out"),
        )

    def sentence(self, section: LeaveOneOut) -> str:
        return section.explanation

    def terminal(self, section: LeaveOneOut) -> RenderableType:
        """A table of the strongest attacks over all victims."""
        ranked = ranked_attacks(section)
        shared = [rate.fpr for rate in ranked[0].tpr_at_fpr if rate.resolvable]
        table = plain_table(gap=1)
        table.caption = (
            f"Mean over {len(section.victims)} victims, {section.references} references each"
        )
        if len(ranked) > SHOWN:
            table.caption += f"; {len(ranked) - SHOWN} weaker attacks: in the report"
        table.add_column("Leave-one-out: every model as the victim", overflow="fold")
        table.add_column("AUC", no_wrap=True)
        for fpr in shared[-1:]:
            table.add_column(f"TPR (%) at\n{100 * fpr:g} % FPR", no_wrap=True)
        for one in ranked[:SHOWN]:
            rates = [rate.mean for rate in one.tpr_at_fpr if rate.fpr in shared[-1:]]
            table.add_row(
                escape(one.title),
                auc_cell(one.auc),
                *(
                    escape(f"{100 * m.value:.0f} [{100 * m.low:.0f}, {100 * m.high:.0f}]")
                    for m in rates
                ),
            )
        return Padding(table, (1, 0))

    def view(self, section: LeaveOneOut, result: Result, folder: Path) -> dict[str, Any]:
        from pixleak.analyses.drawing.spreads import spread_figure

        ranked = ranked_attacks(section)
        figure = spread_figure(ranked, victims=len(section.victims))
        return {"figure": figure, "spreads": ranked}

    def columns(self, section: LeaveOneOut) -> dict[str, str | float | int | bool | None]:
        return {"loo_victims": len(section.victims)}


def ranked_attacks(found: LeaveOneOut) -> list[Spread]:
    """All attacks, the highest mean AUC first."""
    return sorted(found.attacks, key=lambda one: one.auc.value, reverse=True)
