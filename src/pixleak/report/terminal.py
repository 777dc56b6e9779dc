"""A result as a table in the terminal: verdict, controls and attacks, then the sections."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pixleak.analyses.drawing.terminal_tables import auc_cell, plain_table
from pixleak.analyses.walk import not_installed, sections_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from pixleak.results.attacks import AttackResult
    from pixleak.results.audit import Result
    from pixleak.results.base import TprAtFpr
    from pixleak.results.controls import Control

_ROOMY = 100
"""Columns of a terminal from which on every rate is shown."""

_ANSWERS = {
    "leak": ("LEAK", "bold red"),
    "none-found": ("NO LEAK FOUND", "bold green"),
    "cannot-tell": ("CANNOT TELL", "bold yellow"),
}


def result_table(result: Result) -> Group:
    """Renderables for rich: what ``print(result)`` and the command line show.

    Raises:
        InputError: a section does not fit its analysis.
    """
    answer, style = _ANSWERS[result.verdict.answer]
    parts: list[RenderableType] = [
        Text(result.title, style="bold"),
        Text.assemble((answer, style), "  ", result.verdict.sentence),
    ]
    parts += [Padding(Text(f"- {reason}"), (0, 0, 0, 2)) for reason in result.verdict.reasons]
    if result.controls:
        parts += [Text(), controls_table(result.controls)]
    if result.attacks:
        parts += [Text(), _Attacks(result), *(Text(note) for note in _notes(result))]
    shown = [analysis.terminal(section) for analysis, section in sections_of(result)]
    sections: list[RenderableType] = [one for one in shown if one is not None]
    sections += [Text(f"{told[0].upper()}{told[1:]}.") for told in not_installed(result)]
    if sections:
        parts += [Text(), *sections]
    parts += [Text(f"Warning: {warning}", style="yellow") for warning in result.warnings]
    return Group(*parts)


def result_text(result: Result, width: int = 110) -> str:
    """The same as plain text without colours."""
    return as_text(result_table(result), width)


def as_text(shown: Group, width: int = 110) -> str:
    """Renderables as plain text without colours."""
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, force_terminal=False)
    console.print(shown)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def controls_table(controls: Sequence[Control]) -> Table:
    """One row per control: title, AUC, whether it passed."""
    table = plain_table()
    table.add_column("Control", overflow="fold")
    table.add_column("AUC")
    table.add_column("")
    for control in controls:
        word = {True: "passed", False: "[bold red]failed[/]", None: "not run"}[control.passed]
        table.add_row(escape(control.title), auc_cell(control.auc), word)
    return table


class _Attacks:
    """The table of attacks, with as many columns as the terminal has room for."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fprs = _columns(self._result)
        if options.max_width < _ROOMY and len(fprs) > 2:
            yield _attacks(self._result, fprs[-2:], left_out=fprs[:-2])
        else:
            yield _attacks(self._result, fprs)


def _columns(result: Result) -> list[float]:
    """False positive rates worth a column: those that some attack can resolve."""
    rates = [rate for attack in result.attacks for rate in attack.tpr_at_fpr if rate.resolvable]
    return sorted({rate.fpr for rate in rates}, reverse=True)


def _attacks(result: Result, fprs: Sequence[float], left_out: Sequence[float] = ()) -> Table:
    attacks = sorted(result.attacks, key=lambda attack: -attack.auc.value)
    table = plain_table(gap=1)
    if left_out:
        names = ", ".join(f"{100 * fpr:g} %" for fpr in left_out)
        table.caption = f"{names} FPR: in a wider terminal, and in the report"
    starred = bool(result.verdict.evidence)
    if starred:
        table.add_column("")
    table.add_column("Attack", overflow="fold")
    table.add_column("AUC", no_wrap=True)
    for fpr in fprs:
        table.add_column(f"TPR (%) at\n{100 * fpr:g} % FPR", no_wrap=True)
    untrained = any(attack.control_auc is not None for attack in attacks)
    if untrained:
        table.add_column("AUC on an\nuntrained model", no_wrap=True)
    for attack in attacks:
        often = f" ({attack.queries} queries)" if attack.queries > 1 else ""
        title = escape(attack.title + often)
        evidence = attack.title in result.verdict.evidence
        table.add_row(
            *(["*" if evidence else ""] if starred else []),
            f"[bold]{title}[/]" if evidence else title,
            auc_cell(attack.auc),
            *(_rate(attack, fpr) for fpr in fprs),
            *([auc_cell(attack.control_auc)] if untrained else []),
        )
    return table


def _notes(result: Result) -> list[str]:
    notes = ["* evidence of a leak"] if result.verdict.evidence else []
    shown = _columns(result)
    if any(r.fpr in shown and not r.resolvable for a in result.attacks for r in a.tpr_at_fpr):
        notes.append(
            "n/r: too few non-members to resolve this rate; members found without a false positive"
        )
    return notes


def _rate(attack: AttackResult, fpr: float) -> str:
    for rate in attack.tpr_at_fpr:
        if rate.fpr == fpr:
            return _shown(rate)
    return "-"


def _shown(rate: TprAtFpr) -> str:
    if not rate.resolvable:
        return f"n/r ({rate.successes}/{rate.trials})"
    value = 100 * rate.value
    shown = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
    return escape(f"{shown} [{100 * rate.low:.0f}, {100 * rate.high:.0f}]")
