"""The table of what poisoning gains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixleak.results.numbers import PERCENT
from pixleak.studies.output.text_tables import (
    Table,
    TableCell,
    axis_title,
    build_table,
    estimate_cell,
    number_cell,
)
from pixleak.studies.summary.poisoning_gain import PoisoningGain


def poisoning_table(gains: Sequence[PoisoningGain], axes: Sequence[str]) -> Table:
    """One row per poisoned condition, at least one; the axes tell them apart."""

    def title(one: PoisoningGain) -> TableCell:
        poison = one.poisoned.first.poison
        return TableCell(poison, numbers={**one.poisoned.levels, "poison": poison})

    def level(axis: str) -> Callable[[PoisoningGain], TableCell]:
        return lambda one: TableCell(one.poisoned.levels.get(axis, ""))

    def figure(name: str, *, share: bool = False) -> Callable[[PoisoningGain], TableCell]:
        return lambda one: estimate_cell(getattr(one, name), name, share=share)

    columns: dict[str, Callable[[PoisoningGain], TableCell]] = {
        "Poison": title,
        **{axis_title(axis): level(axis) for axis in axes if axis != "poison"},
        "AUC gained, default attack": figure("default_auc_gained"),
        "AUC gained, strongest attack": figure("strongest_auc_gained"),
        f"TPR at 1{PERCENT} gained": figure("strongest_tpr1_gained", share=True),
        f"{gains[0].utility_word} lost": figure("utility_lost"),
        "Visibility": lambda one: number_cell(one.visibility, "visibility", "{:.4f}", 6),
        "Trigger works": figure("backdoor_rate", share=True),
    }
    return build_table(
        "poison",
        "What poisoning gains, compared with the clean cell of the same other levels",
        columns,
        gains,
        (
            "Visibility is 1 minus the SSIM between poisoned and clean image; 0 is invisible.",
            "A gain whose interval contains 0 has not been shown.",
        ),
    )
