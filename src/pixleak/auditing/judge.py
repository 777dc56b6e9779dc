"""Attacks over signals, controls beside them, and what it all comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pixleak.attacks.threshold import Threshold
from pixleak.auditing.measuring import Measured
from pixleak.auditing.plan import Plan
from pixleak.auditing.progress import Progress
from pixleak.errors import InputError
from pixleak.evaluation.controls import evaluate_control, untrained_control
from pixleak.evaluation.evaluate import evaluate_scores
from pixleak.evaluation.sample import MIN_RECORDS, MIN_SUBJECTS
from pixleak.records.checks import check_shift, find_duplicates
from pixleak.results import AttackResult, Control, DuplicateCheck, ShiftCheck
from pixleak.signals import SIGNALS
from pixleak.signals.blind import BlindBaseline, blind_baseline
from pixleak.types import Bools, Floats, Scores, SignalInfo, SignalTable

if TYPE_CHECKING:
    from pixleak.records.prepare import PreparedRecords

UNTRAINED_SIGNAL = "cross-entropy"
"""The attack that stands for all in the list of controls; every attack has its own besides."""


@dataclass(frozen=True, eq=False)
class Scored:
    """One attack's scores, and the same attack's on the untrained model."""

    scores: Scores
    control: Scores | None
    info: SignalInfo


@dataclass(frozen=True, eq=False)
class Judged:
    """Everything that was scored, evaluated and checked.

    Args:
        attacks: one result an attack, in the order of ``scored``.
        scored: the scores behind them.
        blind: (n,) out-of-fold scores of the blind baseline, on ``records``' ids.
        controls: blind baseline and untrained model.
        left_out: one sentence for every attack on too few records.
    """

    attacks: list[AttackResult]
    scored: list[Scored]
    blind: Floats
    controls: list[Control]
    duplicates: DuplicateCheck
    shift: ShiftCheck
    left_out: list[str]


def judge(
    plan: Plan,
    measured: Measured,
    records: PreparedRecords,
    untrained_note: str,
    progress: Progress,
) -> Judged:
    """Score and evaluate every attack, and measure the controls.

    Args:
        plan: what was asked for.
        measured: the signal tables.
        records: the target members and non-members.
        untrained_note: why there is no untrained control, if there is none.
        progress: shows how far it has come.
    """
    members = set(plan.ids("target-members"))
    member: Bools = np.array([key in members for key in records.ids])
    names = _attacked(plan, measured.target)
    by_id = plan.split.units(plan.records)
    units = [by_id[key] for key in records.ids]
    scored: list[Scored] = []
    left_out: list[str] = []
    for one in (_score(measured, name) for name in names):
        if lacking := _too_few(one.scores, member, units):
            left_out.append(f"{one.info.name} was left out: {lacking}")
        else:
            scored.append(one)
    if not scored:
        raise InputError(f"no attack can be evaluated: {left_out[0]}")
    attacks = []
    for i, one in enumerate(scored):
        attacks.append(_evaluate(plan, one, member, units, measured, untrained_note))
        progress.update("evaluating", i + 1, len(scored))
    inside = records.select([k for k in records.ids if k in members])
    outside = records.select([k for k in records.ids if k not in members])
    blind = blind_baseline(records, member, units=units, seed=plan.seed_for("blind"))
    return Judged(
        attacks=attacks,
        scored=scored,
        blind=blind.scores,
        controls=[
            _blind_control(plan, blind, member),
            _untrained_control(attacks, untrained_note),
        ],
        duplicates=find_duplicates(inside, outside),
        shift=check_shift(inside, outside, units=by_id),
        left_out=left_out,
    )


def _too_few(scores: Scores, member: Bools, units: Sequence[str]) -> str:
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


def _attacked(plan: Plan, table: SignalTable) -> list[str]:
    """Columns to attack: those of the chosen signals, and everything learned."""
    chosen = {info.name for name in plan.signals for info in SIGNALS[name].infos(plan.truth)}
    return [info.name for info in table.infos if info.learned or info.name in chosen]


def _score(measured: Measured, name: str) -> Scored:
    attack = Threshold()
    observed = measured.target.select(signals=[name])
    control = None
    if measured.untrained is not None:
        control = attack.score(measured.untrained.select(signals=[name]))
    return Scored(attack.score(observed), control, observed.infos[0])


def _evaluate(
    plan: Plan,
    one: Scored,
    member: Bools,
    units: Sequence[str],
    measured: Measured,
    untrained_note: str,
) -> AttackResult:
    shadow, thresholds = _shadow_thresholds(plan, one.info, measured.shadow)
    result = evaluate_scores(
        one.scores,
        member,
        units=units,
        info=one.info,
        shadow=shadow,
        extra_thresholds=thresholds,
        control=one.control,
        title=title_of(one.info),
        seed=plan.seed_for(f"bootstrap/{one.info.name}"),
        level=plan.evaluation.level,
        fprs=plan.evaluation.fprs,
        replicates=plan.evaluation.replicates,
    )
    if one.control is None:
        result = result.model_copy(update={"control_note": untrained_note})
    return result


def _shadow_thresholds(
    plan: Plan, info: SignalInfo, shadow: SignalTable | None
) -> tuple[tuple[Scores, Bools] | None, dict[str, float]]:
    """What the attacker carries over from the shadow model: never anything of the target's."""
    if info.learned:
        # A learned signal is a logit: its classifier's own cut is probability one half.
        return None, {"shadow": 0.0}
    if shadow is None:
        return None, {}
    column = shadow.select(signals=[info.name])
    members = set(plan.ids("shadow-members"))
    member: Bools = np.array([key in members for key in column.ids])
    scores = Threshold().score(column)
    thresholds = {}
    if info.name in ("cross-entropy", "dice-loss"):
        # S's fixed threshold: the shadow's loss on its own training records.
        thresholds["shadow-training-loss"] = float(scores.values[member & scores.measured].mean())
    return (scores, member), thresholds


def title_of(info: SignalInfo) -> str:
    """What a signal is called in tables."""
    title = info.title or info.name.replace("-", " ")
    return title[0].upper() + title[1:]


def _blind_control(plan: Plan, blind: BlindBaseline, member: Bools) -> Control:
    return evaluate_control(
        blind.scores,
        member,
        name="blind-baseline",
        title="Blind baseline",
        what="A classifier that sees images and truths but never the model.",
        null_aucs=blind.null_aucs,
        level=round(1 - plan.evaluation.level, 10),
    )


def _untrained_control(attacks: list[AttackResult], note: str) -> Control:
    shown = next((a for a in attacks if a.signal == UNTRAINED_SIGNAL), attacks[0])
    auc = shown.control_auc
    if auc is None:
        return Control(
            name="untrained-model",
            title="Untrained model",
            auc=None,
            passed=None,
            explanation=f"There is no untrained model to compare with: {note}.",
        )
    return untrained_control(shown.title, auc)
