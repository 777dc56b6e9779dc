"""The signals and attacks of an audit, from its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixleak.attacks import Threshold
from pixleak.pipeline.plan.choosing.attacks import choose_attacks
from pixleak.pipeline.plan.choosing.columns import MeasuredColumns
from pixleak.pipeline.plan.choosing.difficulties import available_difficulties
from pixleak.pipeline.plan.choosing.planned import PlannedAttack, planned
from pixleak.pipeline.plan.choosing.signals import choose_signals

if TYPE_CHECKING:
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.signals.base import Signal
    from pixleak.signals.difficulty.base import Difficulty
    from pixleak.signals.learned.base import LearnedSignal


@dataclass(frozen=True)
class Chosen:
    """Signals and attacks of an audit.

    Args:
        fixed: all that the target's access allows, those to attack first.
        learned: to be trained on the shadow.
        difficulties: measured on the records alone.
        left_out: one sentence for everything that cannot be served.
        attacks: thresholds first.
        default: position of the attack that speaks for the audit. It is fixed beforehand,
            whichever turns out to be the strongest.
        outer: whether any attack looks at records beside the audited ones.
    """

    fixed: tuple[Signal, ...]
    learned: tuple[LearnedSignal, ...]
    difficulties: tuple[Difficulty, ...]
    left_out: tuple[str, ...]
    attacks: tuple[PlannedAttack, ...]
    default: int
    outer: bool


def choose(plan: Plan) -> Chosen:
    """Compare what a plan's signals and attacks need with what the audit has.

    Raises:
        UnmetNeedError: a signal or an attack that was asked for cannot be served.
        InputError: something is named twice, or an attack cannot work on its signals.
        MissingExtraError: something that was asked for needs a package that is not installed.
    """
    signals = choose_signals(plan)
    fixed = (*signals.attacked, *signals.others)
    difficulties, lacking = available_difficulties(plan.difficulties, plan.truth)
    measured = MeasuredColumns(plan.truth, fixed, difficulties, signals.learned)
    names = [one.name for one in signals.attacked] + [one.name for one in signals.learned]
    thresholds = [
        planned(Threshold(), (column,), measured) for name in names for column in measured.of(name)
    ]
    others, refused = choose_attacks(plan, measured)
    attacks = (*thresholds, *others)
    return Chosen(
        fixed=fixed,
        learned=signals.learned,
        difficulties=difficulties,
        left_out=(*signals.left_out, *lacking, *refused),
        attacks=attacks,
        default=_default(attacks, measured.ranks),
        outer=any(not one.plain for one in others) and bool(plan.outer),
    )


def _default(attacks: Sequence[PlannedAttack], ranks: Mapping[str, int]) -> int:
    """The attack of lowest rank, or else the one on the signal of lowest rank, or else the first.

    Args:
        attacks: in order; of equal ones the first counts.
        ranks: of the columns that have one.
    """
    found = [(one.attack.rank, i) for i, one in enumerate(attacks) if one.attack.rank is not None]
    if not found:
        named = [(one.info.name, i) for i, one in enumerate(attacks)]
        found = [(ranks[name], i) for name, i in named if name in ranks]
    return min(found)[1] if found else 0
