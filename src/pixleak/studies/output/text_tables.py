"""Tables of a study: every cell as text and as numbers, written as Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pixleak.results.numbers import area, rate
from pixleak.studies.summary.seed_estimates import Estimate

Item = TypeVar("Item")
CsvLine = Mapping[str, object]
"""Column -> value."""


@dataclass(frozen=True)
class TableCell:
    """One cell of a table: a figure, its interval, and lines of small print.

    Args:
        muted: whether it is shown faintly.
        numbers: the same for the CSV.
    """

    text: str
    range: str = ""
    fine: tuple[str, ...] = ()
    muted: bool = False
    numbers: CsvLine = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Args:
        name: unique on the page.
        rows: the first cell of each is its title.
        notes: explanations.
        lines: the same for the CSV.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    notes: tuple[str, ...] = ()
    lines: tuple[CsvLine, ...] = ()


def build_table(
    name: str,
    caption: str,
    columns: Mapping[str, Callable[[Item], TableCell]],
    items: Sequence[Item],
    notes: Sequence[str] = (),
    *,
    hidden: Sequence[str] = (),
) -> Table:
    """A table with one row per item; ``columns`` make its cells, hidden ones for the CSV alone."""
    rows = [{title: cell(item) for title, cell in columns.items()} for item in items]
    head = tuple(title for title in columns if title not in hidden)
    lines = [{k: v for cell in row.values() for k, v in cell.numbers.items()} for row in rows]
    shown = tuple(tuple(row[title] for title in head) for row in rows)
    return Table(name, caption, head, shown, tuple(notes), tuple(lines))


def axis_title(axis: str) -> str:
    """``"Training size"``."""
    return axis.replace("-", " ").capitalize()


def estimate_cell(
    found: Estimate | None, name: str = "", *, share: bool = False, fine: Sequence[str] = ()
) -> TableCell:
    """An estimate as a cell, marked where it rests on few seeds; None where it was not measured.

    ``name`` is that of its columns in the CSV; shares are written as percentages.
    """
    numbers = csv_columns(name, found)
    if found is None:
        return TableCell("–", muted=True, numbers=numbers)
    marks = []
    if found.provisional:
        marks.append(f"{found.seeds} seed{'' if found.seeds == 1 else 's'}")
    if found.pooled:
        marks.append("mean of the pool")
    if found.ends is None:
        marks.append("no interval")
    text = rate(found.value).replace("-", "−") if share else area(found.value)
    between = percent_range(found) if share else found.range
    return TableCell(text, between, (*fine, *marks), numbers=numbers)


def number_cell(
    number: float | None, name: str, form: str = "{}", digits: int | None = None
) -> TableCell:
    """A number without an interval as a cell; None where it was not measured.

    ``name`` is that of its column in the CSV, where it has ``digits`` decimals.
    """
    if number is None:
        return TableCell("–", muted=True, numbers={name: ""})
    numbers = {name: number if digits is None else round(number, digits)}
    return TableCell(form.format(number), numbers=numbers)


def percent_range(found: Estimate) -> str:
    """``"5.0–20.0 %"``; ``""`` without an interval."""
    if found.ends is None:
        return ""
    low, high = found.ends
    sign = "–" if low >= 0 else " to "
    return f"{100 * low:.1f}{sign}{rate(high)}".replace("-", "−")


def csv_columns(name: str, found: Estimate | None) -> CsvLine:
    """An estimate as four columns: value, both ends and number of seeds."""
    values: Sequence[object] = ("", "", "", "")
    if found is not None:
        ends = ("", "") if found.ends is None else [round(end, 6) for end in found.ends]
        values = (round(found.value, 6), *ends, found.seeds)
    return dict(zip((name, f"{name}_low", f"{name}_high", f"{name}_seeds"), values, strict=True))


def as_csv(lines: Sequence[CsvLine]) -> str:
    """Lines with the same columns as CSV."""
    if not lines:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def markdown(table: Table) -> str:
    """The table for a README."""
    lines = [
        f"**{_escaped(table.caption)}**",
        "",
        "| " + " | ".join(map(_escaped, table.head)) + " |",
        "| " + " | ".join("---" for _ in table.head) + " |",
    ]
    lines += ["| " + " | ".join(map(_in_words, row)) + " |" for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {_escaped(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def _in_words(cell: TableCell) -> str:
    text = f"{cell.text} ({cell.range})" if cell.range else cell.text
    return _escaped("; ".join([text, *cell.fine]))


def _escaped(text: str) -> str:
    # Labels are the user's own: nothing in them may end a cell or open a tag.
    for sign in ("\\", "|", "*", "_", "`", "[", "]"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.replace("<", "&lt;").split())
