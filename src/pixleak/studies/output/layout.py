"""A table before it is written: cells with a figure, its range and small print; Markdown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixleak.results.numbers import area, rate
from pixleak.studies.summary.seeds import ENOUGH, Estimate


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: the figure.
        range: its interval.
        fine: small print, a line each.
        muted: whether it is there to be passed over.
    """

    text: str
    range: str = ""
    fine: tuple[str, ...] = ()
    muted: bool = False


EMPTY = Cell("–", muted=True)


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        name: unique on the page.
        caption: what it shows.
        head: titles of the columns.
        rows: cells, the first of each row its title.
        notes: what must be known to read it.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def figure(found: Estimate | None, *, share: bool = False, fine: Sequence[str] = ()) -> Cell:
    """An estimate as a cell, marked where it rests on few seeds.

    Args:
        found: the estimate; None where nothing was measured.
        share: whether to write it as a percentage.
        fine: small print.
    """
    if found is None:
        return EMPTY
    marks = []
    if found.seeds < ENOUGH:
        marks.append(f"{found.seeds} seed{'' if found.seeds == 1 else 's'}")
    if found.pooled:
        marks.append("mean of the pool")
    if found.low is None or found.high is None:
        marks.append("no interval")
    text, between = area(found.value), ends(found)
    if share:
        text = rate(found.value)
        if found.low is not None and found.high is not None:
            sign = "–" if found.low >= 0 else " to "
            between = f"{100 * found.low:.1f}{sign}{rate(found.high)}".replace("-", "−")
            text = text.replace("-", "−")
    return Cell(text, between, (*fine, *marks))


def shown(found: Estimate) -> str:
    """``"0.561 (0.524–0.598)"``."""
    if found.low is None or found.high is None:
        return f"{area(found.value)} (no interval)"
    return f"{area(found.value)} ({ends(found)})"


def ends(found: Estimate) -> str:
    """Both ends of an interval, ``""`` where there is none."""
    if found.low is None or found.high is None:
        return ""
    between = "–" if found.low >= 0 else " to "
    return f"{area(found.low)}{between}{area(found.high)}"


def markdown(table: Table) -> str:
    """The table for a README: one line a row."""
    lines = [
        f"**{_plain(table.caption)}**",
        "",
        "| " + " | ".join(map(_plain, table.head)) + " |",
        "| " + " | ".join("---" for _ in table.head) + " |",
    ]
    lines += ["| " + " | ".join(map(_written, row)) + " |" for row in table.rows]
    if table.notes:
        lines += ["", *(f"- {_plain(note)}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def _written(cell: Cell) -> str:
    text = f"{cell.text} ({cell.range})" if cell.range else cell.text
    return _plain("; ".join([text, *cell.fine]))


def _plain(text: str) -> str:
    # Labels are the user's own: nothing in them may end a cell or open a tag.
    for sign in ("\\", "|", "*", "_", "`", "[", "]"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.replace("<", "&lt;").split())
