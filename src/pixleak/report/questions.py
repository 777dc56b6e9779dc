"""The answers to the two smaller questions, one record and one set, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from pixleak.analyses.drawing.terminal_tables import auc_cell, plain_table
from pixleak.report.terminal import controls_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pixleak.results.query import Query
    from pixleak.results.set_test import SetResult

_TOLD = {
    "unusual": ("UNUSUAL", "bold red"),
    "not-unusual": ("NOT UNUSUAL", "bold green"),
    "used": ("USED", "bold red"),
    "not-shown": ("NOT SHOWN", "bold green"),
    "cannot-tell": ("CANNOT TELL", "bold yellow"),
}


def query_table(query: Query) -> Group:
    """One record: the answer, its measures, and what cannot be concluded."""
    word, style = _TOLD[query.answer]
    table = plain_table()
    for column in ("Measure", "value", "unit"):
        table.add_column(column, overflow="fold")
    if query.references:
        table.add_column(f"of {query.references} non-members\nas much a member", no_wrap=True)
        table.add_column("p", no_wrap=True)
    for measure in (*query.errors, *query.difficulties, *query.membership_errors):
        starred = "* " if measure.name == query.decided_by and query.references else ""
        row = [f"{starred}{escape(measure.title)}", f"{measure.value:.4g}", escape(measure.unit)]
        if query.references:
            at = measure.above
            row.append(
                "-"
                if at is None
                else escape(f"{100 * at.value:.1f} % [{100 * at.low:.1f}, {100 * at.high:.1f}]")
            )
            row.append("-" if measure.p_value is None else f"{measure.p_value:.3g}")
        table.add_row(*row)
    parts: list[RenderableType] = [
        Text(query.title, style="bold"),
        Text.assemble((word, style), "  ", query.sentence),
        Text(),
        table,
    ]
    if query.references:
        parts.append(Text("* the measure that the answer goes by; p: conformal, one-sided"))
    parts += [Padding(Text(f"- {caution}"), (0, 0, 0, 2)) for caution in query.cautions]
    return Group(*parts)


def set_table(found: SetResult) -> Group:
    """A set: the answer, the test, the controls."""
    word, style = _TOLD[found.answer]
    table = plain_table()
    table.add_column("")
    table.add_column("")
    for name, value in (
        ("owner's records (independent)", f"{found.owned} ({found.owned_units})"),
        ("comparable records (independent)", f"{found.comparable} ({found.comparable_units})"),
        ("compared by", found.score),
        ("p-value", f"{found.p_value:.3g} ({found.permutations} permutations)"),
        ("effect (Cohen's d)", f"{found.effect:.2f}"),
        ("AUC on single records", auc_cell(found.auc)),
        ("AUC found with probability 0.8", f"{found.detectable_auc:.2f}"),
    ):
        table.add_row(name, value)
    parts: list[RenderableType] = [
        Text(found.title, style="bold"),
        Text.assemble((word, style), "  ", found.sentence),
        Text(),
        table,
        Text(),
        controls_table(found.controls),
    ]
    told = [c.explanation for c in found.controls]
    if found.near_copies is not None and found.near_copies.records:
        told.append(found.near_copies.explanation)
    parts += [Padding(Text(f"- {one}"), (0, 0, 0, 2)) for one in told]
    return Group(*parts)
