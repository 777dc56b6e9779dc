"""The table of what poisoning gains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixleak.results.numbers import PERCENT
from pixleak.studies.output.tables import (
    Table,
    TableCell,
    axis_title,
    build_table,
    estimate_cell,
    number_cell,
)
from pixleak.studies.summary.poisoning_gain import PoisoningGain


def poisoning_table(gains: Sequence[PoisoningGain], axes: Sequence[str]) -> Table:
    """One row per poisoned condition.

    Args:
        gains: at least one.
        axes: that tell the conditions apart.
    """

    def title(one: PoisoningGain) -> TableCell:
        poison = one.poisoned.first.poison
        return TableCell(poison, numbers={**one.poisoned.levels, "poison": poison})

    def level(axis: str) -> Callable[[PoisoningGain], TableCell]:
        return lambda one: TableCell(one.poisoned.levels.get(axis, ""))

    columns: dict[str, Callable[[PoisoningGain], TableCell]] = {
        "Poison": title,
        **{axis_title(axis): level(axis) for axis in axes if axis != "poison"},
        "AUC gained, default attack": lambda one: estimate_cell(
            one.default_auc, "default_auc_gained"
        ),
        "AUC gained, strongest attack": lambda one: estimate_cell(
            one.strongest_auc, "strongest_auc_gained"
        ),
        f"TPR at 1{PERCENT} gained": lambda one: estimate_cell(
            one.strongest_tpr1, "strongest_tpr1_gained", share=True
        ),
        f"{gains[0].utility_word} lost": lambda one: estimate_cell(
            one.utility_lost, "utility_lost"
        ),
        "Visibility": lambda one: number_cell(one.visibility, "visibility", "{:.4f}", 6),
        "Trigger works": lambda one: estimate_cell(one.backdoor_rate, "backdoor_rate", share=True),
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
