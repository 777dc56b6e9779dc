"""The table of published studies: one row per condition, one column per attack; and as CSV.

Source:
    Chobola, Usynin, Kaissis, "Membership inference attacks against semantic segmentation models",
    2022, arXiv:2212.01082, tables 1 to 5 (the layout).
"""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.results.numbers import PERCENT, area, rate
from pixleak.studies.output.text_tables import (
    CsvLine,
    Table,
    TableCell,
    axis_title,
    csv_columns,
    estimate_cell,
    percent_range,
)
from pixleak.studies.summary.attack_columns import (
    COLUMNS,
    COUNTS,
    DEFAULT,
    STRONGEST,
    AttackSummary,
    summarise_attacks,
)
from pixleak.studies.summary.conditions import Condition
from pixleak.studies.summary.study_folder import Study


def attack_table(study: Study, conditions: Sequence[Condition]) -> Table:
    """The table, with the columns that any condition has."""
    by_row = [{one.column: one for one in summarise_attacks([c])} for c in conditions]
    found = [one for row in by_row for one in row.values()]
    columns = [column for column in COLUMNS if any(column in row for row in by_row)]
    axes = study.row_axes
    rows = []
    for condition, row in zip(conditions, by_row, strict=True):
        first, *others = [condition.levels.get(axis, "") for axis in axes]
        titles = [first + " †" if condition.inconclusive else first, *others]
        cells = [_cell(row.get(column)) for column in columns]
        rows.append((*map(TableCell, titles), *cells))
    notes = [
        "Each cell: AUC with interval; TPR at 1\N{NO-BREAK SPACE}% FPR; balanced accuracy at the "
        "threshold carried over from the shadow; TN/FP/FN/TP there, summed over seeds."
    ]
    if any(one.tpr is None for one in found):
        notes.append(
            "Where no TPR is given, there are too few non-members to resolve 1\N{NO-BREAK SPACE}%."
        )
    if any(one.auc.pooled for one in found):
        notes.append(
            "“Mean of the pool”: AUC and TPR are means over the victims of the pool; accuracy and "
            "counts are those of the target alone."
        )
    if STRONGEST in columns:
        notes.append(
            "The strongest attack is chosen on all other seeds and evaluated on the seed left "
            "out, so that its figure is not the luckiest of many."
        )
    if any(condition.inconclusive for condition in conditions):
        notes.append(
            "† At some seed the audit could not tell: a control failed, so that the attacks may "
            "have detected something other than membership, or too little was measured."
        )
    head = (*map(axis_title, axes), *columns)
    return Table("attacks", "Attacks on every condition", head, tuple(rows), tuple(notes))


def _cell(one: AttackSummary | None) -> TableCell:
    if one is None:
        return estimate_cell(None)
    fine = []
    if one.tpr is not None:
        ends = percent_range(one.tpr).removesuffix(PERCENT)
        fine.append(f"TPR {rate(one.tpr.value)}" + (f" ({ends})" if ends else ""))
    if one.accuracy is not None:
        ends = one.accuracy.range
        fine.append(f"accuracy {area(one.accuracy.value)}" + (f" ({ends})" if ends else ""))
    if one.counts is not None:
        fine.append("/".join(map(str, one.counts)))
    if one.column in (DEFAULT, STRONGEST) or len(one.titles) > 1:
        more = len(one.titles) - 2
        fine.append("; ".join(one.titles[:2]) + (f" and {more} more" if more > 0 else ""))
    if one.same_figures:
        fine.append("chosen on the same figures")
    if one.failed_controls:
        seeds = len(one.condition.cells)
        fine.append(f"control failed at {one.failed_controls} of {seeds} seeds")
    return estimate_cell(one.auc, fine=fine)


def attack_lines(study: Study, conditions: Sequence[Condition]) -> list[CsvLine]:
    """One line per row and column of the table, as numbers."""
    axes = [axis for axis in study.axes if axis != "seed"]
    return [
        {
            **{axis: one.condition.levels.get(axis, "") for axis in axes},
            "defence": one.condition.defence,
            "attack": one.column,
            "title": "; ".join(one.titles),
            "doubtful_seeds": len(one.condition.inconclusive),
            **csv_columns("auc", one.auc),
            **csv_columns("tpr1", one.tpr),
            **csv_columns("accuracy", one.accuracy),
            **dict(zip(COUNTS, one.counts or ("",) * 4, strict=True)),
            "hindsight": one.same_figures,
            "failed_controls": one.failed_controls,
        }
        for one in summarise_attacks(conditions)
    ]
