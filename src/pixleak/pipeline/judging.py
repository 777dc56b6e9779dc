"""Attacks on the target, their evaluation, and the controls beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pixleak.attacks.threshold import Threshold
from pixleak.core.errors import InputError
from pixleak.core.progress import Progress
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, Floats, Scores, SignalTable
from pixleak.evaluation.controls import evaluate_control, untrained_control
from pixleak.evaluation.evaluate import evaluate_scores
from pixleak.evaluation.statistics.sample import MIN_RECORDS, MIN_SUBJECTS
from pixleak.evaluation.statistics.simultaneous import simultaneous_intervals
from pixleak.pipeline.attacking import Scored, Victims, attack_target
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.measuring.measured import Measured
from pixleak.pipeline.plan.choosing import Chosen
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.record_checks import checks_of
from pixleak.pipeline.storage.store import Store
from pixleak.pipeline.trained_elsewhere import beside_elsewhere
from pixleak.results.attacks import AttackResult
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck
from pixleak.signals.blind import BlindBaseline

if TYPE_CHECKING:
    from pixleak.records.prepared.prepare import PreparedRecords

UNTRAINED_SIGNALS = ("cross-entropy", "l1-error")
"""Signals whose attack represents all in the list of controls; each attack also has its own."""

MOST_SIMULTANEOUS = 1000
"""Bootstrap replicates of the intervals that hold for all attacks together."""

TRAINED_ON = ("cross-entropy", "dice-loss", "l1-error", "l2-error")
"""Signals that are training losses as well."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Everything that was scored, evaluated and checked.

    Args:
        attacks: one result per attack, in the order of ``scored``.
        scored: the scores behind them.
        blind: (n,) out-of-fold scores of the blind baseline, on ``records``' ids.
        controls: of the whole audit.
        left_out: one sentence for each attack, or threshold, that was left out for too few records.
        elsewhere: signals of models that were trained on neither side, or None.
    """

    attacks: list[AttackResult]
    scored: list[Scored]
    blind: Floats
    controls: list[Control]
    duplicates: DuplicateCheck | None
    shift: ShiftCheck
    left_out: list[str]
    elsewhere: SignalTable | None = None


def judge(
    plan: Plan,
    chosen: Chosen,
    measured: Measured,
    records: PreparedRecords,
    untrained_note: str,
    victims: Sequence[Victims],
    store: Store,
    progress: Progress,
    clock: Clock,
) -> Judged:
    """Score and evaluate every attack, and measure the controls.

    Args:
        plan: what was asked for.
        chosen: the attacks.
        measured: the signal tables.
        records: the target members and non-members.
        untrained_note: why there is no untrained control, if there is none.
        victims: the same attacks on the models of the pool, to carry thresholds over from.
        store: where checks of the records are kept.
        progress: shows how far it has come.
        clock: of the run.
    """
    members = set(plan.ids(Role.TARGET_MEMBERS))
    member: Bools = np.array([key in members for key in records.ids])
    by_id = plan.split.units(plan.records)
    units = [by_id[key] for key in records.ids]
    scored: list[Scored] = []
    left_out: list[str] = []
    with clock("attacks"):
        answers = attack_target(chosen, measured)
    for one in answers:
        if lacking := too_few(one.scores, member, units):
            name = one.planned.info.name if one.planned.plain else one.planned.title
            left_out.append(f"{name} was left out: {lacking}")
        else:
            scored.append(one)
    if not scored:
        raise InputError(f"no attack can be evaluated: {left_out[0]}")
    attacks = []
    pool = {id(one.planned): one for one in victims}
    for i, one in enumerate(scored):
        with clock("evaluation"):
            carried = _carried(plan, one, measured.shadow, pool.get(id(one.planned)))
            attacks.append(evaluated(plan, one, member, units, untrained_note, carried))
        if carried.lacking:
            left_out.append(
                f"{one.planned.title} has no threshold from the attacker's own models: "
                f"{carried.lacking}"
            )
        progress.update("evaluating", i + 1, len(scored))
    with clock("evaluation"):
        together = simultaneous_intervals(
            [one.scores for one in scored],
            member,
            units,
            level=plan.evaluation.level,
            replicates=min(plan.evaluation.replicates, MOST_SIMULTANEOUS),
            seed=plan.seed_for("simultaneous"),
        )
        attacks = [
            attack.model_copy(update={"auc_simultaneous": interval})
            for attack, interval in zip(attacks, together, strict=True)
        ]
    with clock("controls"):
        attacks, elsewhere = beside_elsewhere(
            plan, attacks, scored, measured.elsewhere, member, units
        )
        checks = checks_of(records, member, units, store, seed=plan.seed_for("blind"))
    return Judged(
        attacks=attacks,
        scored=scored,
        blind=checks.blind.scores,
        controls=[
            _blind_control(plan, checks.blind, member, seen=records.image_shape[0] > 0),
            _untrained_control(attacks, untrained_note),
            *elsewhere,
            *_difficulty_controls(plan, chosen, measured, member, units),
        ],
        duplicates=checks.duplicates,
        shift=checks.shift,
        left_out=left_out + _unchecked(records),
        elsewhere=measured.elsewhere,
    )


def _unchecked(records: PreparedRecords) -> list[str]:
    if records.image_shape[0] > 0:
        return []
    return ["near-duplicates were not looked for: the records have no images"]


def too_few(scores: Scores, member: Bools, units: Sequence[str]) -> str:
    """Why these scores cannot be evaluated, or the empty string."""
    for side, name in ((member, "members"), (~member, "non-members")):
        kept = np.flatnonzero(side & scores.measured).tolist()
        independent = len({units[i] for i in kept})
        if len(kept) < MIN_RECORDS or independent < MIN_SUBJECTS:
            return (
                f"it is defined for {len(kept)} of {int(side.sum())} {name}, in {independent} "
                f"subjects or blocks; at least {MIN_RECORDS} in {MIN_SUBJECTS} are needed"
            )
    return ""


@dataclass(frozen=True, eq=False)
class Carried:
    """What the attacker fixes beforehand, from models of their own and never from the target.

    Args:
        shadow: the same attack's scores of the attacker's own models, and their membership.
        thresholds: by name.
        lacking: why no threshold could be carried over, or the empty string.
    """

    shadow: tuple[Scores, Bools] | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    lacking: str = ""


def evaluated(
    plan: Plan,
    one: Scored,
    member: Bools,
    units: Sequence[str],
    untrained_note: str,
    carried: Carried,
    purpose: str = "bootstrap",
) -> AttackResult:
    """One attack's figures, with its control."""
    planned = one.planned
    name = planned.info.name if planned.plain else f"{planned.attack.name}/{planned.info.name}"
    control, note = one.control, untrained_note
    if control is not None and (lacking := too_few(control, member, units)):
        control, note = None, f"on the untrained model {lacking}"
    result = evaluate_scores(
        one.scores,
        member,
        units=units,
        info=planned.info,
        shadow=carried.shadow,
        extra_thresholds=carried.thresholds,
        control=control,
        title=planned.title,
        seed=plan.seed_for(f"{purpose}/{name}"),
        level=plan.evaluation.level,
        fprs=plan.evaluation.fprs,
        replicates=plan.evaluation.replicates,
    )
    if control is None:
        result = result.model_copy(update={"control_note": note})
    return result


def _carried(plan: Plan, one: Scored, shadow: SignalTable | None, pool: Victims | None) -> Carried:
    planned = one.planned
    if planned.plain and planned.info.learned:
        # A learned signal is a logit: its classifier's own threshold is a probability of one half.
        return Carried(thresholds={"shadow": 0.0})
    if not planned.plain and planned.attack.natural_threshold is not None:
        return Carried(thresholds={"shadow": planned.attack.natural_threshold})
    if planned.plain and shadow is not None:
        column = shadow.select(signals=planned.columns)
        members = set(plan.ids(Role.SHADOW_MEMBERS))
        scores = Threshold().score(column)
        member: Bools = np.array([key in members for key in column.ids])
    elif pool is not None:
        scores, member = pool.together()
    else:
        return Carried()
    if lacking := too_few(scores, member, scores.ids):
        return Carried(lacking=lacking)
    thresholds = {}
    if planned.plain and planned.info.name in TRAINED_ON:
        # The shadow's mean loss on its own training records, a threshold fixed beforehand.
        thresholds["shadow-training-loss"] = float(scores.values[member & scores.measured].mean())
    return Carried((scores, member), thresholds)


def _blind_control(plan: Plan, blind: BlindBaseline, member: Bools, *, seen: bool) -> Control:
    """The blind baseline; without images it can fail on truths alone, but not pass."""
    control = evaluate_control(
        blind.scores,
        member,
        name="blind-baseline",
        title="Blind baseline",
        what=f"A classifier that sees {'images and ' if seen else ''}truths but never the model.",
        null_aucs=blind.null_aucs,
        level=round(1 - plan.evaluation.level, 10),
    )
    if seen or not control.passed:
        return control
    told = "The records have no images, so whether these differ was not measured."
    return control.model_copy(
        update={"passed": None, "explanation": f"{told} {control.explanation}"}
    )


def _difficulty_controls(
    plan: Plan, chosen: Chosen, measured: Measured, member: Bools, units: Sequence[str]
) -> list[Control]:
    """Difficulty alone, which must not tell members from non-members."""
    found = []
    names = [info.name for one in chosen.difficulties for info in one.infos(plan.truth)]
    for name in names:
        column = measured.target.select(signals=[name])
        scores = Threshold().score(column)
        if too_few(scores, member, units):
            continue
        known = scores.measured
        info = column.infos[0]
        found.append(
            evaluate_control(
                scores.values[known],
                member[known],
                name=name,
                title=f"Difficulty alone: {info.title or name}",
                what=f"{info.summary[0].upper()}{info.summary[1:]}: a property of the record, "
                "for which no model is asked.",
                units=[unit for unit, kept in zip(units, known, strict=True) if kept],
                controls=len(names),
                level=round(1 - plan.evaluation.level, 10),
                replicates=plan.evaluation.replicates,
                seed=plan.seed_for(f"control/{name}"),
            )
        )
    return found


def _untrained_control(attacks: list[AttackResult], note: str) -> Control:
    measured = [attack for attack in attacks if attack.control_auc is not None] or attacks
    shown = next((a for a in measured if a.signal in UNTRAINED_SIGNALS), measured[0])
    auc = shown.control_auc
    if auc is None:
        return Control(
            name="untrained-model",
            title="Untrained model",
            auc=None,
            passed=None,
            explanation=f"There is no untrained model to compare with: {note}."
            if shown.control_note == note
            else f"Not measured: {shown.control_note}.",
        )
    return untrained_control(shown.title, auc)
