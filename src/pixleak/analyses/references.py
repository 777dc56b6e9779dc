"""The pool of reference models, and whether they resemble the target.

Attacks that compare the target with models of the attacker's own are only as good as the
resemblance, so it is measured (:mod:`pixleak.evaluation.fidelity`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from pixleak.analyses.base import Analysis, Context
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, SignalTable
from pixleak.evaluation.fidelity import fidelity
from pixleak.results.numbers import count
from pixleak.results.sections import Fidelity, Section

if TYPE_CHECKING:
    from pixleak.pipeline.measuring.measured import Measured
    from pixleak.pipeline.plan.plan import Plan


class ReferencesInfo(Section):
    """The pool of reference models."""

    name = "references"

    models: int
    records: Literal["audited", "own"] = Field(
        description="audited: each unit of the audited records is in exactly half of the models; "
        "own: trained on records of the attacker's own, so that none holds an audited record"
    )
    unit: str = Field(description="what is in a model as a whole: record, subject, block")
    units: int
    runner: str = Field(description="local, ray")
    file: str = Field(default="membership.csv", description="who was trained on what")
    fidelity: Fidelity | None = Field(description="whether the models resemble the target")


class ReferencesAnalysis(Analysis[ReferencesInfo]):
    """The size of the pool, what its models were trained on, and whether they are alike."""

    name = "references"
    title = "Reference models"
    summary = "the pool of reference models, and whether they resemble the target"
    place = 30
    section = ReferencesInfo
    template = "sections/references.html.j2"

    def compute(self, context: Context) -> ReferencesInfo | None:
        plan = context.plan
        if plan.references is None:
            return None
        drawn = plan.references.membership
        return ReferencesInfo(
            models=len(drawn.models),
            records=plan.references.records,
            unit=plan.references.unit,
            units=len(set(drawn.units)),
            runner=plan.runner.split(":")[0],
            fidelity=_fidelity(plan, context.measured),
        )

    def warnings(self, section: ReferencesInfo) -> Sequence[str]:
        found = section.fidelity
        return () if found is None or found.passed is not False else (found.explanation,)

    def sentence(self, section: ReferencesInfo) -> str:
        own = " of the attacker’s own" if section.records == "own" else ""
        told = (
            f"{count(section.models, 'model')}, trained as the target was, each on half of "
            f"{count(section.units, section.unit)}{own}."
        )
        return told if section.fidelity is None else f"{told} {section.fidelity.explanation}"


def _fidelity(plan: Plan, measured: Measured) -> Fidelity | None:
    """Compare the pool's mean losses, on training and on held-out records, with the target's."""
    from pixleak.pipeline.measuring.measured import PartName

    assert plan.references is not None
    table = measured[PartName.AUDITED].reference
    if table is None:
        return None
    loss = "l1-error" if plan.target.access.of_images else "cross-entropy"
    if loss not in measured.target.names:
        return fidelity((None, None), [], loss=loss)
    j = measured.target.names.index(loss)
    members = set(plan.ids(Role.TARGET_MEMBERS))
    inside: Bools = np.array([key in members for key in measured.target.ids])
    target = _two_means(measured.target, j, inside)
    if plan.references.records == "own":
        # None was trained on an audited record; their training records are among the others.
        table = measured[PartName.OUTER].reference
        assert table is not None
    references = []
    for i in range(len(table.models)):
        one = SignalTable(table.ids, table.values[i], table.infos, table.measured[i])
        references.append(_two_means(one, j, table.member[i]))
    return fidelity(target, references, loss=loss)


def _two_means(table: SignalTable, column: int, inside: Bools) -> tuple[float, float]:
    values, measured = table.values[:, column], table.measured[:, column]
    return float(values[inside & measured].mean()), float(values[~inside & measured].mean())
