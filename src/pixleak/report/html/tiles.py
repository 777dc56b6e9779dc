"""The key figures, each with what it is and what to compare it with."""

from __future__ import annotations

from dataclasses import dataclass

from pixleak.evaluation.verdict.rule import quoted_rate
from pixleak.report import wording
from pixleak.results.attacks import AttackResult
from pixleak.results.audit import Result
from pixleak.results.models import ModelInfo
from pixleak.results.numbers import area, area_range, percent, rate_range


@dataclass(frozen=True)
class Tile:
    """One key figure."""

    value: str
    name: str
    note: str


def tiles(result: Result) -> list[Tile]:
    """The key figures of a result."""
    best = wording.strongest_attack(result)
    found = [] if best is None else _attack_tiles(best, result)
    target = next((model for model in result.models if model.name == "target"), None)
    gap = None if target is None else gap_of(target)
    if target is not None and gap is not None:
        found.append(
            Tile(
                area(gap.value),
                "generalisation gap",
                f"mean {gap.word} {area(gap.members)} on its training records, "
                f"{area(gap.nonmembers)} on held-out ones",
            )
        )
    found.append(
        Tile(
            area(result.verdict.detectable_auc),
            "smallest AUC that it would detect",
            f"with a probability of {percent(0.8)}, given this many independent "
            f"{wording.units(result)}",
        )
    )
    return found


def _attack_tiles(best: AttackResult, result: Result) -> list[Tile]:
    together = ""
    if best.auc_simultaneous is not None and len(result.attacks) > 1:
        together = f", which holds for all {len(result.attacks)} attacks together"
    found = [
        Tile(
            area(best.auc.value),
            "AUC of the strongest attack",
            f"{best.title}; interval {area_range(best.auc_simultaneous or best.auc)}"
            f"{together}; guessing is 0.500",
        )
    ]
    strict = quoted_rate(best, result.attacks, result.verdict.level)
    if strict is not None and strict.resolvable:
        found.append(
            Tile(
                percent(strict.value),
                f"members recognised at {percent(strict.fpr)} false positives",
                f"{strict.successes:,} of {strict.trials:,}; interval "
                f"{rate_range(strict)}; guessing is {percent(strict.fpr)}",
            )
        )
    carried = next((point for point in best.operating_points if point.name == "shadow"), None)
    if carried is not None:
        found.append(
            Tile(
                percent(carried.balanced_accuracy.value),
                "balanced accuracy",
                "of the same attack, its threshold set on a shadow model; guessing is "
                f"{percent(0.5)}",
            )
        )
    found.append(
        Tile(
            f"{best.members:,} + {best.nonmembers:,}",
            "members + non-members",
            "records that it was measured on",
        )
    )
    return found


@dataclass(frozen=True)
class Gap:
    """The utility of a model on its training records and on held-out ones.

    Args:
        word: what is compared: mean Dice, or mean error of a generator.
        members: on its training records.
        nonmembers: on held-out ones.
        value: how much better on its training records.
    """

    word: str
    members: float
    nonmembers: float
    value: float


def gap_of(model: ModelInfo) -> Gap | None:
    """The generalisation gap of a model, where both sides were measured."""
    if model.members_dice is not None and model.nonmembers_dice is not None:
        inside, outside = model.members_dice, model.nonmembers_dice
        return Gap("Dice", inside, outside, inside - outside)
    if model.members_error is not None and model.nonmembers_error is not None:
        inside, outside = model.members_error, model.nonmembers_error
        return Gap("L1 error", inside, outside, outside - inside)
    return None
