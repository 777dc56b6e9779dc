"""Subgroups: which kind of record is most exposed?

The default attack's AUC and rates on each kind of record: with or without an object, small and
large objects, the classes that occur, and the values of every column of a metadata table
(:mod:`pixleak.evaluation.subgroups`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pixleak.analyses.base import Analysis, Context
from pixleak.core.roles import Role
from pixleak.evaluation.subgroups import Subgroup, evaluate_subgroups
from pixleak.results.sections import Subgroups

if TYPE_CHECKING:
    from pixleak.results.audit import Result

FPR = 0.1
"""False positive rate of the threshold at which kinds of records are compared."""


class SubgroupsAnalysis(Analysis[Subgroups]):
    """The default attack's figures by kind of record."""

    name = "subgroups"
    title = "Subgroups"
    summary = "which kind of record is most exposed, by object size, border, class, metadata"
    place = 50
    section = Subgroups
    template = "sections/subgroups.html.j2"

    def compute(self, context: Context) -> Subgroups | None:
        from pixleak.records.checks.attributes import kinds_by_column, kinds_of

        plan, chosen, scored = context.plan, context.chosen, context.judged.scored
        preferred = chosen.attacks[chosen.default]
        one = next((s for s in scored if s.planned is preferred), scored[0])
        stated, crowded = kinds_by_column(
            [plan.attributes.get(key, {}) for key in context.evaluated.ids]
        )
        kinds = [*kinds_of(context.evaluated), *stated]
        if not kinds:
            return None
        by_id = plan.split.units(plan.records)
        members = set(plan.ids(Role.TARGET_MEMBERS))
        found = evaluate_subgroups(
            one.scores,
            np.array([key in members for key in one.scores.ids]),
            [Subgroup(kind.family, kind.name, kind.holds) for kind in kinds],
            units=[by_id[key] for key in one.scores.ids],
            fpr=FPR,
            title=one.planned.title,
            level=plan.evaluation.level,
            replicates=plan.evaluation.replicates,
            seed=plan.seed_for("slices"),
        )
        if not crowded:
            return found
        told = f"The metadata column{'s' * (len(crowded) > 1)} {', '.join(map(repr, crowded))} "
        told += "has" if len(crowded) == 1 else "have"
        told += " too many different words to divide the records by."
        return found.model_copy(update={"explanation": f"{found.explanation} {told}"})

    def sentence(self, section: Subgroups) -> str:
        return section.explanation

    def view(self, section: Subgroups, result: Result, folder: Path) -> dict[str, Any]:
        from pixleak.analyses.drawing.spreads import subgroups_figure

        return {"figure": subgroups_figure(section)}
