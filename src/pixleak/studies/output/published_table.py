"""The table of published figures and ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pixleak.studies.output.text_tables import (
    Table,
    TableCell,
    axis_title,
    build_table,
    estimate_cell,
    number_cell,
)
from pixleak.studies.summary.published import PublishedComparison, PublishedFile

_ANSWERS = {True: "yes", False: "no", None: "no interval"}


def published_table(compared: Sequence[PublishedComparison], published: PublishedFile) -> Table:
    """One row per figure that both have."""

    def level(axis: str) -> Callable[[PublishedComparison], TableCell]:
        return lambda one: TableCell(one.summary.condition.levels.get(axis, ""))

    def attack(one: PublishedComparison) -> TableCell:
        numbers = {**one.summary.condition.levels, "attack": one.summary.column}
        return TableCell(one.summary.column, numbers=numbers)

    def figure(one: PublishedComparison) -> TableCell:
        text = {"auc": "AUC"}.get(one.figure, one.figure)
        return TableCell(text, numbers={"figure": one.figure})

    def difference(one: PublishedComparison) -> TableCell:
        text = f"{one.difference:+.3f}".replace("-", "−")
        return TableCell(text, numbers={"difference": round(one.difference, 6)})

    def contained(one: PublishedComparison) -> TableCell:
        numbers = {"held": "" if one.contained is None else one.contained}
        return TableCell(_ANSWERS[one.contained], numbers=numbers)

    held = sum(one.contained is True for one in compared)
    return build_table(
        "published",
        f"Ours and {published.source}",
        {
            **{axis_title(axis): level(axis) for axis in published.keys if axis != "attack"},
            "Attack": attack,
            "Figure": figure,
            "Ours": lambda one: estimate_cell(one.ours, "ours"),
            "Published": lambda one: number_cell(one.theirs, "published", "{:.3f}"),
            "Ours minus published": difference,
            "In our interval": contained,
        },
        compared,
        [
            f"Our interval contains {held} of {len(compared)} published figures. It covers our "
            "seeds and records, not theirs: a published figure of one run varies about as much "
            "again."
        ],
    )
