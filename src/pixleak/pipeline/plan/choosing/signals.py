"""Which signals an audit measures on the target's answers, and which it attacks by threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixleak.core.errors import InputError, MissingExtraError, UnmetNeedError, setting
from pixleak.core.roles import Role
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.plan.plan import GivenTarget, Plan, TrainedTarget
from pixleak.signals import SIGNALS, Signal, signals_on, usual_signals
from pixleak.signals.learned import LearnedSignal, usual_learned


@dataclass(frozen=True)
class ChosenSignals:
    """Signals of an audit.

    Args:
        attacked: attacked by threshold.
        others: measured in the same pass, for attacks on many signals.
        learned: to be trained on the shadow.
        left_out: one sentence for everything that cannot be served.
    """

    attacked: tuple[Signal, ...]
    others: tuple[Signal, ...]
    learned: tuple[LearnedSignal, ...]
    left_out: tuple[str, ...]


def choose_signals(plan: Plan) -> ChosenSignals:
    """Compare what a plan's signals need with what the audit has.

    Raises:
        UnmetNeedError: a signal that was asked for cannot be measured.
        InputError: there is nothing to attack with, or a signal is named twice.
        MissingExtraError: a signal that was asked for needs a package that is not installed.
    """
    access = plan.target.access
    wanted = plan.signals
    if wanted is None:
        wanted = usual_signals(plan.truth, access, plan.samples)
    learned = plan.learned
    if learned is None:
        learned = usual_learned() if isinstance(plan.truth, LabelTruth) else ()
    names = [one.name for one in wanted] + [one.name for one in learned]
    if not names:
        raise InputError("there is nothing to attack with: name signals, or learned signals")
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"signal {twice[0]!r} is named twice; once is enough")
    attacked: list[Signal] = []
    left_out: list[str] = []
    for signal in wanted:
        _check_fits(signal, plan)
        lacks = ""
        if not access.grants(signal.info.access):
            lacks = f"it needs {signal.info.access} access, the target grants {access}"
            if plan.signals is not None:
                raise UnmetNeedError(
                    f"signal {signal.name!r} cannot be measured: {lacks}; leave it out of "
                    f"{setting('attacker.signals')}, or declare {setting('target.access')}: "
                    f"{signal.info.access} if the target grants that"
                )
        if not lacks and signal.info.queries > 1 and _once(plan):
            lacks = f"it asks about altered images, and {_once(plan)}"
            if plan.signals is not None:
                raise UnmetNeedError(
                    f"signal {signal.name!r} cannot be measured: {lacks}; leave it out of "
                    f"{setting('attacker.signals')}"
                )
        try:
            signal.prepare()
        except MissingExtraError as error:
            if plan.signals is not None:
                raise
            lacks = str(error)
        if lacks:
            left_out.append(f"{signal.name} was left out: {lacks}")
        else:
            attacked.append(signal)
    _check_samples(plan)
    taken = [signal.name for signal in wanted]
    others = [
        SIGNALS.make(name)
        for name, kind in signals_on(plan.truth).items()
        if name not in taken and not kind.optional and (plan.samples > 1 or not kind.needs_samples)
    ]
    learnable, lacking = _learnable(learned, plan)
    return ChosenSignals(
        attacked=tuple(attacked),
        others=tuple(signal for signal in others if access.grants(signal.info.access)),
        learned=learnable,
        left_out=(*left_out, *lacking, *_unasked(plan)),
    )


def _unasked(plan: Plan) -> list[str]:
    """One sentence on what a target that is asked once leaves unknown."""
    if not _once(plan):
        return []
    return [f"whether the target repeats its answers was not measured: {_once(plan)}"]


def _once(plan: Plan) -> str:
    """Why a given target answers one time about each record, or the empty string."""
    return plan.target.target.once if isinstance(plan.target, GivenTarget) else ""


def _check_fits(signal: Signal, plan: Plan) -> None:
    if not signal.info.queries_model:
        raise InputError(
            f"signal {signal.name!r} never asks the model, so it is no attack; leave it out"
        )
    if not signal.measured_on(plan.truth):
        raise UnmetNeedError(
            f"signal {signal.name!r} is for records whose truth is "
            f"{'an image' if isinstance(plan.truth, LabelTruth) else 'a label map'}; leave it out"
        )
    if signal.needs_samples and plan.samples < 2:
        raise UnmetNeedError(
            f"signal {signal.name!r} needs several answers to one input: raise "
            f"{setting('target.samples')}"
        )


def _check_samples(plan: Plan) -> None:
    """Refuse to draw many equal answers; whether a given model samples is not known beforehand."""
    if plan.samples > 1 and not plan.defences and isinstance(plan.target, TrainedTarget):
        plan.target.method.check_sampling(plan.samples)


def _learnable(
    wanted: Sequence[LearnedSignal], plan: Plan
) -> tuple[tuple[LearnedSignal, ...], list[str]]:
    """Those that can be learned here, and one sentence for each that cannot."""
    access = plan.target.access
    learned = [one.served_by(access) for one in wanted]
    if learned and (plan.shadow is None or not plan.ids(Role.SHADOW_MEMBERS)):
        return (), ["learned signals were left out: there is no shadow model to learn from"]
    left_out = [
        f"{one.name} was left out: it needs {one.info.access} access, the target grants {access}"
        for one in learned
        if not access.grants(one.info.access)
    ]
    return tuple(one for one in learned if access.grants(one.info.access)), left_out
