"""What poisoning gives the attacker, and what it takes: poisoned cells against the clean one.

Gain is the AUC of the same attack on the poisoned model less that on the clean model of the same
other levels, seed by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixleak.studies.output.layout import EMPTY, Cell, Table, figure
from pixleak.studies.output.table import as_csv, columns_of
from pixleak.studies.summary.conditions import Condition, Strength
from pixleak.studies.summary.frontier import utilities
from pixleak.studies.summary.rows import NONE
from pixleak.studies.summary.seeds import Estimate, difference, joined


@dataclass(frozen=True)
class Gain:
    """A poisoned condition beside its clean one.

    Args:
        poisoned: the condition.
        clean: that of the same other levels.
        default: AUC gained by the default attack.
        strongest: AUC gained by the strongest attack.
        rate: TPR at 1 % FPR gained by the strongest attack.
        cost: utility lost on clean held-out records.
        word: what that utility is called.
        backdoor: how often the trigger works.
        visibility: of the poison, 1 - SSIM to the clean image.
    """

    poisoned: Condition
    clean: Condition
    default: Estimate | None
    strongest: Estimate | None
    rate: Estimate | None
    cost: Estimate | None
    word: str
    backdoor: Estimate | None
    visibility: float | None


def gains(found: Sequence[Condition]) -> list[Gain]:
    """Every poisoned condition that has a clean one beside it."""
    clean = {_rest(one): one for one in found if one.first.poison == NONE}
    pairs = [
        (one, clean[_rest(one)])
        for one in found
        if one.first.poison != NONE and _rest(one) in clean
    ]
    return [_gain(poisoned, beside) for poisoned, beside in pairs]


def _rest(condition: Condition) -> tuple[tuple[str, str], ...]:
    return tuple((axis, level) for axis, level in condition.levels.items() if axis != "poison")


def _gain(poisoned: Condition, clean: Condition) -> Gain:
    measures = utilities([clean])
    cost = None
    if measures:
        used = measures[0]
        first, second = (poisoned, clean) if used.loss else (clean, poisoned)
        cost = difference(
            first.of_model(used.column), second.of_model(used.column), bounds=used.span
        )
    return Gain(
        poisoned,
        clean,
        _more(poisoned.default(), clean.default()),
        _more(poisoned.strongest(), clean.strongest()),
        _more(poisoned.strongest("tpr1"), clean.strongest("tpr1")),
        cost,
        measures[0].word if measures else "utility",
        joined(poisoned.of_model("backdoor_rate")),
        poisoned.number("poison_visibility"),
    )


def _more(one: Strength | None, other: Strength | None) -> Estimate | None:
    return None if one is None or other is None else difference(one.found, other.found)


def gain_table(found: Sequence[Gain], axes: Sequence[str]) -> Table:
    """A row a poisoned condition.

    Args:
        found: at least one.
        axes: that tell them apart.
    """
    others = [axis for axis in axes if axis != "poison"]
    rows = [
        (
            Cell(one.poisoned.first.poison),
            *(Cell(one.poisoned.levels.get(axis, "")) for axis in others),
            figure(one.default),
            figure(one.strongest),
            figure(one.rate, share=True),
            figure(one.cost),
            EMPTY if one.visibility is None else Cell(f"{one.visibility:.4f}"),
            figure(one.backdoor, share=True),
        )
        for one in found
    ]
    head = ("Poison", *(axis.replace("-", " ").capitalize() for axis in others))
    head += ("AUC gained, default attack", "AUC gained, strongest attack")
    head += (
        "TPR at 1\N{NO-BREAK SPACE}% gained",
        f"{found[0].word} lost",
        "Visibility",
        "Trigger works",
    )
    return Table(
        "poison",
        "What poisoning gains, against the clean cell of the same other levels",
        head,
        tuple(rows),
        (
            "Visibility is 1 less the SSIM between poisoned and clean image; 0 is invisible.",
            "A gain whose interval holds 0 has not been shown.",
        ),
    )


def gain_csv(found: Sequence[Gain]) -> str:
    """The same as numbers."""
    lines: list[dict[str, object]] = []
    for one in found:
        line: dict[str, object] = {**one.poisoned.levels, "poison": one.poisoned.first.poison}
        for name, estimate in (
            ("default_auc_gained", one.default),
            ("strongest_auc_gained", one.strongest),
            ("strongest_tpr1_gained", one.rate),
            ("utility_lost", one.cost),
            ("backdoor_rate", one.backdoor),
        ):
            line |= columns_of(name, estimate)
        line["visibility"] = "" if one.visibility is None else round(one.visibility, 6)
        lines.append(line)
    return as_csv(lines)
