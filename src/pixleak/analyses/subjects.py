"""Attacks on subjects: one score per subject, from all of a subject's records.

A patient's slices are trained on together or not at all, so what an outsider wants to know is
whether the *patient* was. Each signal is averaged over a subject's records, for the target and for
every reference model alike; the attacks then run on subjects as they do on records, and what
they calibrate against (means, variances, classifiers) is that of subjects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from pixleak.analyses.base import Analysis, Context
from pixleak.analyses.drawing.terminal_tables import best_of, ranked
from pixleak.attacks.evidence import Population
from pixleak.core.errors import UnmetNeedError
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, Floats, ReferenceTable, SignalTable
from pixleak.results.attacks import AttackResult
from pixleak.results.sections import Section

if TYPE_CHECKING:
    from pixleak.pipeline.attacking import Scored
    from pixleak.pipeline.measuring.measured import Measured
    from pixleak.pipeline.plan.choosing import Chosen
    from pixleak.results.audit import Result

SHOWN = 10
"""Attacks that the page shows."""


class SubjectLevel(Section):
    """Attacks on subjects: one score per subject, from all of a subject's records."""

    name = "subjects"

    members: int = Field(description="subjects that were trained on")
    nonmembers: int
    attacks: list[AttackResult] = Field(description="a record here is a subject")
    explanation: str


class SubjectsAnalysis(Analysis[SubjectLevel]):
    """The same attacks on subjects; nothing where every record is a subject of its own."""

    name = "subjects"
    title = "Subjects as a whole"
    summary = "attacks on subjects, from all of a subject's records"
    place = 60
    section = SubjectLevel
    template = "sections/subjects.html.j2"

    def compute(self, context: Context) -> SubjectLevel | None:
        from pixleak.pipeline.judging import Carried, evaluated, too_few

        plan = context.plan
        # Copies of one record may be in different reference models, so they are no subject.
        unit_of = replace(plan.split, clusters={}).units(plan.records)
        subjects = {unit_of[key] for key in plan.audited}
        if len(subjects) == len(plan.audited):
            return None
        members = {unit_of[key] for key in plan.ids(Role.TARGET_MEMBERS)}
        note = context.models.untrained_note
        results = []
        for one in attack_subjects(context.chosen, context.measured, unit_of):
            ids = one.scores.ids
            member: Bools = np.array([key in members for key in ids])
            if too_few(one.scores, member, ids):
                continue
            results.append(evaluated(plan, one, member, ids, note, Carried(), "bootstrap/subjects"))
        what = "subject" if plan.split.unit != "block" else "block of neighbouring frames"
        inside, outside = len(members), len(subjects) - len(members)
        if results:
            explanation = (
                f"One score per {what}: each signal is averaged over its records, for the target "
                "and for every reference model alike, and the attacks run on these averages."
            )
        else:
            explanation = (
                f"There are {inside} member and {outside} non-member {what}s: too few to evaluate "
                "attacks on them as a whole."
            )
        return SubjectLevel(
            members=inside, nonmembers=outside, attacks=results, explanation=explanation
        )

    def sentence(self, section: SubjectLevel) -> str:
        return (
            f"{section.explanation} {section.members} were trained on, {section.nonmembers} were "
            f"not.{best_of(section.attacks)}"
        )

    def view(self, section: SubjectLevel, result: Result, folder: Path) -> dict[str, Any]:
        """The strongest attacks on subjects, each with the same attack on records."""
        on_records = {(one.name, one.signal): one for one in result.attacks}
        strongest = ranked(section.attacks)[:SHOWN]
        return {"pairs": [(one, on_records.get((one.name, one.signal))) for one in strongest]}


def by_subject(table: SignalTable, subject_of: Mapping[str, str]) -> SignalTable:
    """Each signal's mean over the records of a subject on which it was measured.

    Example:
        >>> from pixleak.core.tables import SignalInfo
        >>> loss = SignalInfo(name="loss", unit="1", members_are="lower")
        >>> values, measured = np.array([[1.0], [3.0], [5.0]]), np.array([[True], [True], [False]])
        >>> table = SignalTable(("a1", "a2", "b1"), values, (loss,), measured)
        >>> of = by_subject(table, {"a1": "a", "a2": "a", "b1": "b"})
        >>> of.ids, float(of.values[0, 0]), of.measured[:, 0].tolist()
        (('a', 'b'), 2.0, [True, False])
    """
    ids, of = _coded(table.ids, subject_of)
    values, measured = _means(table.values, table.measured, of, len(ids))
    return SignalTable(ids, values, table.infos, measured)


def references_by_subject(table: ReferenceTable, subject_of: Mapping[str, str]) -> ReferenceTable:
    """The same means for every reference model; a subject is in a model with all its records."""
    ids, of = _coded(table.ids, subject_of)
    parts = [_means(v, m, of, len(ids)) for v, m in zip(table.values, table.measured, strict=True)]
    member: Bools = np.zeros((len(table.models), len(ids)), dtype=bool)
    member[:, of] = table.member
    return ReferenceTable(
        ids,
        table.models,
        np.stack([values for values, _ in parts]),
        table.infos,
        np.stack([measured for _, measured in parts]),
        member,
    )


def attack_subjects(
    chosen: Chosen, measured: Measured, subject_of: Mapping[str, str]
) -> list[Scored]:
    """Every attack on subjects; an attack for which there are too few subjects is left out."""
    from pixleak.pipeline.attacking import Observed, Scored, attack
    from pixleak.pipeline.measuring.measured import PartName

    audited, outer = measured[PartName.AUDITED], measured[PartName.OUTER]

    def population(observed: SignalTable | None) -> Population | None:
        if observed is None:
            return None
        return Population(
            by_subject(observed, subject_of),
            None if outer.reference is None else references_by_subject(outer.reference, subject_of),
        )

    reference = None
    if audited.reference is not None:
        reference = references_by_subject(audited.reference, subject_of)
    seen = Observed(by_subject(measured.target, subject_of), reference, population(outer.target))
    control = None
    if audited.untrained is not None:
        table = by_subject(audited.untrained, subject_of)
        control = Observed(table, reference, population(outer.untrained))
    found = []
    for planned in chosen.attacks:
        try:
            scores = attack(planned, seen)
            other = None if control is None else attack(planned, control)
        except UnmetNeedError:
            continue
        found.append(Scored(planned, scores, other))
    return found


def _coded(
    ids: tuple[str, ...], subject_of: Mapping[str, str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """The subjects in order of appearance, and the position of each record's subject."""
    subjects = tuple(dict.fromkeys(subject_of[key] for key in ids))
    position = {subject: i for i, subject in enumerate(subjects)}
    return subjects, np.array([position[subject_of[key]] for key in ids], dtype=np.int64)


def _means(values: Floats, measured: Bools, of: np.ndarray, count: int) -> tuple[Floats, Bools]:
    sums, seen = np.zeros((2, count, values.shape[1]))
    np.add.at(sums, of, np.where(measured, values, 0.0))
    np.add.at(seen, of, measured)
    return sums / np.maximum(seen, 1), seen > 0
