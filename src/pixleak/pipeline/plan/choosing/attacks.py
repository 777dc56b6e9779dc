"""Which attacks an audit runs beside the thresholds, and on which signals."""

from __future__ import annotations

from pixleak.attacks import Attack, AttackChoice
from pixleak.attacks.table import usual_attacks
from pixleak.attacks.usual import CALIBRATED, LABELS_ONLY
from pixleak.core.errors import InputError, UnmetNeedError, setting
from pixleak.core.registry import alternatives
from pixleak.core.roles import Role
from pixleak.core.truth import kind_of
from pixleak.pipeline.plan.choosing.columns import MeasuredColumns
from pixleak.pipeline.plan.choosing.planned import PlannedAttack, planned
from pixleak.pipeline.plan.plan import Plan


def choose_attacks(plan: Plan, measured: MeasuredColumns) -> tuple[list[PlannedAttack], list[str]]:
    """The attacks beside the thresholds, and one sentence for each that cannot be used.

    Raises:
        UnmetNeedError: an attack that was asked for cannot be used.
        InputError: an attack's signals are not measured, or are too many.
    """
    found: list[PlannedAttack] = []
    refused: list[str] = []
    asked = plan.attacks is not None
    for choice in _wanted(plan, measured):
        attack = choice.attack
        missing = [name for name in choice.signals if not measured.of(name)]
        if missing and not asked:
            continue
        if missing:
            raise InputError(
                f"attack {attack.name!r}: signal {missing[0]!r} is not measured here"
                f"{alternatives(missing[0], measured.known())}"
            )
        names = [column for name in choice.signals for column in measured.of(name)]
        lacking = _lacking(attack, plan)
        if not lacking:
            found.append(planned(attack, tuple(dict.fromkeys(names)), measured))
        elif asked:
            raise UnmetNeedError(f"attack {attack.name!r} cannot be used: {lacking}")
        elif plan.references is not None:
            # As text for the result, in which settings are written as in a configuration.
            refused.append(str(UnmetNeedError(f"{attack.title} was left out: {lacking}")))
    return found, refused


def _wanted(plan: Plan, measured: MeasuredColumns) -> list[AttackChoice]:
    """What was asked for, or else the usual attacks; usual signals where none are named."""
    if plan.attacks is None:
        alone = plan.references is None and not plan.ids(Role.POPULATION)
        return [
            AttackChoice(kind(), signals)
            for kind in usual_attacks()
            if kind.usual_without_pool or not alone
            for signals in _usual_signals(kind, plan, measured)
        ]
    wanted = []
    for choice in plan.attacks:
        signals = choice.signals
        if not signals:
            usual = _usual_signals(type(choice.attack), plan, measured)
            if not usual:
                raise InputError(
                    f"attack {choice.attack.name!r}: say which signals, with signals: [NAME]"
                )
            signals = usual[0]
        wanted.append(AttackChoice(choice.attack, signals))
    return wanted


def _usual_signals(
    kind: type[Attack], plan: Plan, measured: MeasuredColumns
) -> list[tuple[str, ...]]:
    labels_only = not measured.of(CALIBRATED)
    return [
        tuple(LABELS_ONLY if labels_only and name == CALIBRATED else name for name in signals)
        for signals in kind.usual_signals(kind_of(plan.truth), measured.difficulties)
    ]


def _lacking(attack: Attack, plan: Plan) -> str:
    """What the attack needs that the audit does not have, or the empty string."""
    inside = outside = models = 0
    if plan.references is not None:
        models = len(plan.references.membership.models)
        inside = models // 2 if plan.references.records == "audited" else 0
        outside = models - inside
    for needed, had, words in (
        (attack.min_references, models, "reference models"),
        (attack.min_outside, outside, "reference models that were not trained on a record"),
        (attack.min_inside, inside, "reference models that were trained on a record"),
    ):
        if had < needed:
            return (
                f"it needs at least {needed} {words}, but there are {had} (see "
                f"{setting('references.models')})"
            )
    if attack.needs_population and not plan.outer:
        return (
            "it needs records that the target was not trained on, beside the audited ones (see "
            f"{setting('split.population')})"
        )
    return ""
