"""The table that papers print: a row a defence, a column an attack.

Rows may be victims and shadows, or training sizes, as well. Beside the table stands a file of the
same, a line a row and attack.

Source:
    Chobola, Usynin, Kaissis, "Membership inference attacks against semantic segmentation models",
    2022, arXiv:2212.01082, tables 1 to 5 (the layout).

Differs from the source:
    Accuracy is that at the threshold carried over from the shadow, balanced, with its interval;
    beside it stand AUC and TPR at 1 % FPR, the audit's default attack, and the strongest attack.
    Counts are sums over seeds.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pixleak.studies.output.layout import EMPTY, Cell, Table, ends, figure
from pixleak.studies.summary.conditions import Condition, Strength
from pixleak.studies.summary.rows import Row, Study
from pixleak.studies.summary.seeds import Estimate, joined

_GLOBAL = ("cross-entropy", "dice-loss", "label-dice", "label-agreement", "l1-error")
"""Signals of the attack on one number for the whole image, the published one first."""

COUNTS = ("tn", "fp", "fn", "tp")
DEFAULT = "default"
STRONGEST = "strongest"


def attack_named(row: Row) -> str:
    """The column of the published tables that an attack may stand in; ``""`` if in none."""
    if row.attack == "membership-error":
        return "membership error"
    if row.attack != "threshold":
        return ""
    if row.signal.startswith("type-ii-"):
        return "Type-II"
    if row.signal.startswith("type-i-"):
        return "Type-I"
    return "global loss" if row.signal in _GLOBAL else ""


COLUMNS = ("Type-I", "Type-II", "global loss", "membership error")


@dataclass(frozen=True)
class Entry:
    """One attack on one condition.

    Args:
        condition: the row of the table.
        column: the column of the table.
        titles: of the attacks that stand for it.
        auc, tpr, accuracy: over seeds; None where not measured.
        counts: TN, FP, FN, TP, summed over seeds, where there is a threshold.
        failed: seeds at which the same attack told the records apart on an untrained model.
        hindsight: whether the attack was chosen on these figures.
    """

    condition: Condition
    column: str
    titles: tuple[str, ...]
    auc: Estimate | None
    tpr: Estimate | None
    accuracy: Estimate | None
    counts: tuple[int, ...] | None
    failed: int = 0
    hindsight: bool = False


def entries(found: Sequence[Condition]) -> list[Entry]:
    """Every row and column that there is something for."""
    return [
        entry
        for condition in found
        for column in (*COLUMNS, DEFAULT, STRONGEST)
        if (entry := entry_of(condition, column)) is not None
    ]


def entry_of(condition: Condition, column: str) -> Entry | None:
    """One attack on one condition; None where it was not run."""
    if column == STRONGEST:
        return _strongest(condition)
    wanted = _wanted(condition, column)
    auc = condition.attacked("auc", wanted)
    if auc is None:
        return None
    counts = tuple(condition.total(name, wanted) for name in COUNTS)
    return Entry(
        condition,
        column,
        auc.titles,
        auc.estimate,
        _estimate(condition.attacked("tpr1", wanted)),
        _estimate(condition.attacked("accuracy", wanted)),
        None if None in counts else tuple(count for count in counts if count is not None),
        condition.failures(wanted),
    )


def _estimate(found: Strength | None) -> Estimate | None:
    return None if found is None else joined(found.found)


def _strongest(condition: Condition) -> Entry | None:
    auc, tpr = condition.strongest("auc"), condition.strongest("tpr1")
    if auc is None:
        return None
    return Entry(
        condition,
        STRONGEST,
        auc.titles,
        auc.estimate,
        _estimate(tpr),
        None,
        None,
        hindsight=auc.hindsight,
    )


def _wanted(condition: Condition, column: str) -> Callable[[Row], bool]:
    if column == DEFAULT:
        return lambda row: bool(row.default)
    # One signal for all seeds of the condition: the first by rank that is there.
    there = [
        row for rows in condition.cells.values() for row in rows if attack_named(row) == column
    ]
    if not there:
        return lambda row: False
    signal = min((_rank(row.signal), row.signal) for row in there)[1]
    return lambda row: attack_named(row) == column and row.signal == signal


def _rank(signal: str) -> tuple[int, int]:
    """Networks before regressions, whole answers before hard labels, as published."""
    if signal in _GLOBAL:
        return (_GLOBAL.index(signal), 0)
    return (int("network" not in signal), int("label" in signal))


def attack_table(study: Study, found: Sequence[Condition]) -> Table:
    """The table, with the columns that anything stands in."""
    by_place: dict[tuple[int, str], Entry] = {}
    for place, condition in enumerate(found):
        for entry in entries([condition]):
            by_place[place, entry.column] = entry
    columns = [
        column
        for column in (*COLUMNS, DEFAULT, STRONGEST)
        if any(place[1] == column for place in by_place)
    ]
    axes = row_axes(study)
    rows = []
    for place, condition in enumerate(found):
        cells = [_cell(by_place.get((place, column))) for column in columns]
        rows.append((*_titles(condition, axes), *cells))
    notes = [
        "Each cell: AUC with interval; TPR at 1\N{NO-BREAK SPACE}% FPR; balanced accuracy at the "
        "threshold carried over from the shadow; TN/FP/FN/TP there, summed over seeds."
    ]
    if any(entry.auc is not None and entry.tpr is None for entry in by_place.values()):
        notes.append(
            "Where no TPR is given, there are too few non-members to resolve 1\N{NO-BREAK SPACE}%."
        )
    if any(entry.auc is not None and entry.auc.pooled for entry in by_place.values()):
        notes.append(
            "“Mean of the pool”: AUC and TPR are means over the victims of the pool; accuracy and "
            "counts are those of the target alone."
        )
    if STRONGEST in columns:
        notes.append(
            "The strongest attack is chosen on all other seeds and read off at the seed left out, "
            "so that its figure is not the luckiest of many."
        )
    if any(condition.doubtful for condition in found):
        notes.append(
            "† At some seed the audit could not tell: a control failed, so that the attacks may "
            "have read something beside the model, or too little was measured."
        )
    return Table(
        "attacks",
        "Attacks on every condition of the study",
        (*(_axis_title(axis) for axis in axes), *columns),
        tuple(rows),
        tuple(notes),
    )


def row_axes(study: Study) -> tuple[str, ...]:
    """Axes that tell the rows apart."""
    varied = study.varied
    if "defence" not in varied and len({row.defence for row in study.rows}) > 1:
        varied = (*varied, "defence")
    return varied or tuple(axis for axis in study.axes if axis != "seed")[:1] or ("defence",)


def _axis_title(axis: str) -> str:
    return axis.replace("-", " ").capitalize()


def _titles(condition: Condition, axes: Sequence[str]) -> list[Cell]:
    mark = " †" if condition.doubtful else ""
    names = [condition.levels.get(axis, "") for axis in axes]
    return [Cell(name + (mark if k == 0 else "")) for k, name in enumerate(names)]


def _cell(entry: Entry | None) -> Cell:
    if entry is None or entry.auc is None:
        return EMPTY
    fine = []
    if entry.tpr is not None:
        fine.append(f"TPR {100 * entry.tpr.value:.1f}\N{NO-BREAK SPACE}% {_percents(entry.tpr)}")
    if entry.accuracy is not None:
        fine.append(f"accuracy {entry.accuracy.value:.3f} {_brackets(entry.accuracy)}")
    if entry.counts is not None:
        fine.append("/".join(map(str, entry.counts)))
    if entry.column in (DEFAULT, STRONGEST) or len(entry.titles) > 1:
        more = len(entry.titles) - 2
        fine.append("; ".join(entry.titles[:2]) + (f" and {more} more" if more > 0 else ""))
    if entry.hindsight:
        fine.append("chosen in hindsight")
    if entry.failed:
        fine.append(f"control failed at {entry.failed} of {len(entry.condition.cells)} seeds")
    return figure(entry.auc, fine=[one.strip() for one in fine])


def _brackets(found: Estimate) -> str:
    return f"({ends(found)})" if ends(found) else ""


def _percents(found: Estimate) -> str:
    if found.low is None or found.high is None:
        return ""
    return f"({100 * found.low:.1f}–{100 * found.high:.1f})"


def attack_csv(study: Study, found: Sequence[Condition]) -> str:
    """A line a row and column of the table, as numbers."""
    axes = [axis for axis in study.axes if axis != "seed"]
    lines = []
    for entry in entries(found):
        line: dict[str, object] = {axis: entry.condition.levels.get(axis, "") for axis in axes}
        line |= {"defence": entry.condition.defence, "attack": entry.column}
        line |= {"title": "; ".join(entry.titles), "doubtful_seeds": len(entry.condition.doubtful)}
        for name in ("auc", "tpr", "accuracy"):
            line |= columns_of("tpr1" if name == "tpr" else name, getattr(entry, name))
        line |= dict(zip(COUNTS, entry.counts or ("",) * 4, strict=True))
        line |= {"hindsight": entry.hindsight, "failed_controls": entry.failed}
        lines.append(line)
    return as_csv(lines)


def columns_of(name: str, found: Estimate | None) -> dict[str, object]:
    """An estimate as columns of a file."""
    if found is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high", f"{name}_seeds"), "")
    return {
        name: round(found.value, 6),
        f"{name}_low": "" if found.low is None else round(found.low, 6),
        f"{name}_high": "" if found.high is None else round(found.high, 6),
        f"{name}_seeds": found.seeds,
    }


def as_csv(lines: Sequence[Mapping[str, object]]) -> str:
    """Lines with the same columns as CSV."""
    if not lines:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()
