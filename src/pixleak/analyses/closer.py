"""A closer look: models like the target, kinds of records, subjects, canaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pixleak.analyses.subjects import attack_subjects
from pixleak.attacks.difficulty_calibration import DifficultyCalibration
from pixleak.attacks.threshold import Threshold
from pixleak.attacks.usual import CALIBRATED, ERROR, LABELS_ONLY
from pixleak.core.progress import Progress
from pixleak.core.tables import Bools, Floats, SignalTable
from pixleak.evaluation.epsilon import one_run_epsilon
from pixleak.evaluation.fidelity import fidelity
from pixleak.evaluation.leave_one_out import VictimScores, leave_one_out
from pixleak.evaluation.slices import Attribute, slices_of
from pixleak.pipeline.attacking import Victims
from pixleak.pipeline.judging import Carried, Judged, evaluated, too_few
from pixleak.pipeline.measuring import Measured
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import Plan
from pixleak.records.checks.attributes import kinds_of
from pixleak.results.sections import (
    Epsilon,
    Fidelity,
    LeaveOneOut,
    ReferencesInfo,
    Slices,
    SubjectLevel,
)

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords

SLICED_FPR = 0.1
"""False positive rate of the threshold at which kinds of records are compared."""


def loss_of(plan: Plan) -> str:
    """What models are compared by, where the target's access allows."""
    return "l1-error" if plan.target.access.of_images else "cross-entropy"


def pool_info(plan: Plan) -> ReferencesInfo | None:
    """What the result says about the pool."""
    pool = plan.references
    if pool is None:
        return None
    drawn = pool.membership
    return ReferencesInfo(
        models=len(drawn.models),
        records=pool.records,
        unit=pool.unit,
        units=len(set(drawn.units)),
        runner=plan.runner.split(":")[0],
    )


def resemblance(plan: Plan, measured: Measured) -> Fidelity | None:
    """Whether the pool's losses, trained on and held out, are like the target's."""
    pool, table = plan.references, measured.reference
    if pool is None or table is None:
        return None
    loss = loss_of(plan)
    if loss not in measured.target.names:
        return fidelity((None, None), [], loss=loss)
    j = measured.target.names.index(loss)
    members = set(plan.ids("target-members"))
    inside: Bools = np.array([key in members for key in measured.target.ids])
    target = _two_means(measured.target, j, inside)
    member = table.member
    if pool.records == "own":
        # None of them holds an audited record; what they were trained on is among the others.
        assert measured.outer_reference is not None
        table, member = measured.outer_reference, measured.outer_reference.member
    references = []
    for i in range(len(table.models)):
        one = SignalTable(table.ids, table.values[i], table.infos, table.measured[i])
        references.append(_two_means(one, j, member[i]))
    return fidelity(target, references, loss=loss)


def _two_means(table: SignalTable, column: int, inside: Bools) -> tuple[float, float]:
    values, measured = table.values[:, column], table.measured[:, column]
    return float(values[inside & measured].mean()), float(values[~inside & measured].mean())


def spread(
    plan: Plan, chosen: Chosen, victims: Sequence[Victims], progress: Progress
) -> LeaveOneOut | None:
    """The same attacks on every model of the pool."""
    pool = plan.references
    if pool is None or not victims:
        return None
    by_id = plan.split.units(plan.records)
    attacks = [one.planned for one in victims]
    preferred = chosen.attacks[chosen.default]
    default = attacks.index(preferred) if preferred in attacks else 0
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
        victims=pool.membership.models,
        references=len(pool.membership.models) - 2,
        default=default,
        level=plan.evaluation.level,
        fprs=plan.evaluation.fprs,
        replicates=plan.evaluation.replicates,
        seed=plan.seed_for("leave-one-out"),
    )


def exposed_kinds(
    plan: Plan, chosen: Chosen, judged: Judged, records: PreparedRecords
) -> Slices | None:
    """The default attack's figures by kind of record."""
    preferred = chosen.attacks[chosen.default]
    one = next((s for s in judged.scored if s.planned is preferred), judged.scored[0])
    by_id = plan.split.units(plan.records)
    members = set(plan.ids("target-members"))
    kinds = kinds_of(records)
    if not kinds:
        return None
    return slices_of(
        one.scores,
        np.array([key in members for key in one.scores.ids]),
        [Attribute(kind.family, kind.name, kind.holds) for kind in kinds],
        units=[by_id[key] for key in one.scores.ids],
        fpr=SLICED_FPR,
        title=one.planned.title,
        level=plan.evaluation.level,
        replicates=plan.evaluation.replicates,
        seed=plan.seed_for("slices"),
    )


def subject_level(
    plan: Plan, chosen: Chosen, measured: Measured, untrained_note: str
) -> SubjectLevel | None:
    """The same attacks on subjects; None where every record is a subject of its own."""
    unit_of = plan.split.units(plan.records)
    audited = plan.audited
    subjects = {unit_of[key] for key in audited}
    if len(subjects) == len(audited):
        return None
    members = {unit_of[key] for key in plan.ids("target-members")}
    results = []
    for one in attack_subjects(chosen, measured, unit_of):
        member: Bools = np.array([key in members for key in one.scores.ids])
        if too_few(one.scores, member, one.scores.ids):
            continue
        results.append(
            evaluated(
                plan, one, member, one.scores.ids, untrained_note, Carried(), "bootstrap/subjects"
            )
        )
    what = "subject" if plan.split.unit != "block" else "block of neighbouring frames"
    inside, outside = len(members), len(subjects) - len(members)
    if results:
        explanation = (
            f"One score a {what}: each signal is averaged over its records, for the target and for "
            f"every reference model alike, and the attacks run on these averages."
        )
    else:
        explanation = (
            f"There are {inside} member and {outside} non-member {what}s: too few to evaluate "
            "attacks on them as a whole."
        )
    return SubjectLevel(
        members=inside, nonmembers=outside, attacks=results, explanation=explanation
    )


def canary_epsilon(plan: Plan, measured: Measured) -> Epsilon | None:
    """A lower bound of the target's epsilon from its canaries."""
    if plan.canaries is None or measured.canaries is None:
        return None
    names = measured.canaries.names
    signal = next(name for name in (CALIBRATED, ERROR, LABELS_ONLY) if name in names)
    attack = Threshold() if measured.canaries_reference is None else DifficultyCalibration()
    scores = attack.score(measured.canaries.select(signals=[signal]), measured.canaries_reference)
    included = set(plan.included)
    values: Floats = scores.values
    return one_run_epsilon(
        values,
        np.array([key in included for key in scores.ids]),
        inclusion="independent",
        abstain=plan.canaries.abstain,
        delta=plan.canaries.delta,
        level=plan.evaluation.level,
        seed=plan.seed_for("epsilon"),
        kind=plan.canaries.kind,
        attack=attack.name,
        signal=signal,
    )
