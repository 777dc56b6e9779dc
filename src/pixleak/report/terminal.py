"""A result as a table in the terminal: verdict first, then controls, then attacks."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import ConsoleOptions, RenderResult

    from pixleak.results.attacks import AttackResult
    from pixleak.results.audit import Result
    from pixleak.results.base import Interval, TprAtFpr
    from pixleak.results.controls import Control
    from pixleak.results.query import Query
    from pixleak.results.sections import LeaveOneOut
    from pixleak.results.set_test import SetResult

_ROOMY = 100
"""Columns of a terminal from which on every rate is shown."""

_ANSWERS = {
    "leak": ("LEAK", "bold red"),
    "none-found": ("NO LEAK FOUND", "bold green"),
    "cannot-tell": ("CANNOT TELL", "bold yellow"),
}


def result_table(result: Result) -> Group:
    """Renderables for rich: what ``print(result)`` and the command line show."""
    answer, style = _ANSWERS[result.verdict.answer]
    parts: list[Text | Table | Padding | _Attacks] = [
        Text(result.title, style="bold"),
        Text.assemble((answer, style), "  ", result.verdict.sentence),
    ]
    parts += [Padding(Text(f"- {reason}"), (0, 0, 0, 2)) for reason in result.verdict.reasons]
    if result.controls:
        parts += [Text(), _controls(result.controls)]
    if result.attacks:
        parts += [Text(), _Attacks(result), *(Text(note) for note in _notes(result))]
    parts += _beyond(result)
    parts += [Text(f"Warning: {warning}", style="yellow") for warning in result.warnings]
    return Group(*parts)


_SPREADS = 8


def _beyond(result: Result) -> list[Text | Table | Padding | _Attacks]:
    """What there is beside the target's own figures."""
    parts: list[Text | Table | Padding | _Attacks] = []
    if result.leave_one_out is not None:
        parts += [Text(), _spreads(result.leave_one_out)]
    lines = []
    if result.defences is not None:
        lines.append(f"Defences: {result.defences.explanation}")
    if result.fidelity is not None:
        lines.append(f"References: {result.fidelity.explanation}")
    if result.slices is not None:
        lines.append(f"Kinds of records: {result.slices.explanation}")
    if result.subjects is not None and result.subjects.attacks:
        best = max(result.subjects.attacks, key=lambda attack: attack.auc.value)
        lines.append(
            f"Subjects: {best.title} has an AUC of {best.auc.value:.2f} "
            f"[{best.auc.low:.2f}, {best.auc.high:.2f}] on {result.subjects.members} and "
            f"{result.subjects.nonmembers} of them."
        )
    if result.reserve is not None:
        lines.append(f"Reserve: {result.reserve.explanation}")
        if result.reserve.attacks:
            best = max(result.reserve.attacks, key=lambda attack: attack.auc.value)
            lines[-1] += (
                f" {best.title} has an AUC of {best.auc.value:.2f} "
                f"[{best.auc.low:.2f}, {best.auc.high:.2f}]."
            )
    if result.epsilon is not None:
        lines.append(f"Canaries: {result.epsilon.explanation}")
    if result.poison is not None:
        lines.append(f"Poison: {result.poison.description}. {result.poison.explanation}")
    if lines:
        parts.append(Text())
    return [*parts, *(Text(line) for line in lines)]


def _spreads(found: LeaveOneOut) -> Table:
    """The strongest attacks over all victims."""
    ranked = sorted(found.attacks, key=lambda one: -one.auc.value)
    shared = [r.fpr for r in ranked[0].tpr_at_fpr if r.resolvable]
    table = _plain_table(gap=1)
    table.caption = f"Mean over {len(found.victims)} victims, {found.references} references each"
    if len(ranked) > _SPREADS:
        table.caption += f"; {len(ranked) - _SPREADS} weaker ones: in the report"
    table.add_column("Every model of the pool", overflow="fold")
    table.add_column("AUC", no_wrap=True)
    for fpr in shared[-1:]:
        table.add_column(f"TPR (%) at\n{100 * fpr:g} % FPR", no_wrap=True)
    for one in ranked[:_SPREADS]:
        rates = [rate.mean for rate in one.tpr_at_fpr if rate.fpr in shared[-1:]]
        table.add_row(
            escape(one.title),
            _auc(one.auc),
            *(
                escape(f"{100 * m.value:.0f} [{100 * m.low:.0f}, {100 * m.high:.0f}]")
                for m in rates
            ),
        )
    return table


def result_text(result: Result, width: int = 110) -> str:
    """The same as plain text without colours."""
    return as_text(result_table(result), width)


def as_text(shown: Group, width: int = 110) -> str:
    """Renderables as plain text without colours."""
    file = io.StringIO()
    console = Console(file=file, width=width, color_system=None, force_terminal=False)
    console.print(shown)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


_TOLD = {
    "unusual": ("UNUSUAL", "bold red"),
    "not-unusual": ("NOT UNUSUAL", "bold green"),
    "used": ("USED", "bold red"),
    "not-shown": ("NOT SHOWN", "bold green"),
    "cannot-tell": ("CANNOT TELL", "bold yellow"),
}


def query_table(query: Query) -> Group:
    """One record: the answer, its numbers, and what cannot be concluded."""
    word, style = _TOLD[query.answer]
    table = _plain_table()
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
    parts: list[Text | Table | Padding] = [
        Text(query.title, style="bold"),
        Text.assemble((word, style), "  ", query.sentence),
        Text(),
        table,
    ]
    if query.references:
        parts.append(Text("* what the answer goes by; p: conformal, one-sided"))
    parts += [Padding(Text(f"- {caution}"), (0, 0, 0, 2)) for caution in query.cautions]
    return Group(*parts)


def set_table(found: SetResult) -> Group:
    """A set: the answer, the test, the controls."""
    word, style = _TOLD[found.answer]
    table = _plain_table()
    table.add_column("")
    table.add_column("")
    for name, value in (
        ("owner's records (independent)", f"{found.owned} ({found.owned_units})"),
        ("comparable records (independent)", f"{found.comparable} ({found.comparable_units})"),
        ("compared by", found.score),
        ("p-value", f"{found.p_value:.3g} ({found.permutations} permutations)"),
        ("effect (Cohen's d)", f"{found.effect:.2f}"),
        ("AUC of a record", _auc(found.auc)),
        ("AUC found with probability 0.8", f"{found.detectable_auc:.2f}"),
    ):
        table.add_row(name, value)
    parts: list[Text | Table | Padding] = [
        Text(found.title, style="bold"),
        Text.assemble((word, style), "  ", found.sentence),
        Text(),
        table,
        Text(),
        _controls(found.controls),
    ]
    parts += [Padding(Text(f"- {c.explanation}"), (0, 0, 0, 2)) for c in found.controls]
    return Group(*parts)


def _plain_table(gap: int = 2) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), caption_justify="left")


def _controls(controls: list[Control]) -> Table:
    table = _plain_table()
    table.add_column("Control", overflow="fold")
    table.add_column("AUC")
    table.add_column("")
    for control in controls:
        word = {True: "passed", False: "[bold red]failed[/]", None: "not run"}[control.passed]
        table.add_row(escape(control.title), _auc(control.auc), word)
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
    table = _plain_table(gap=1)
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
            _auc(attack.auc),
            *(_rate(attack, fpr) for fpr in fprs),
            *([_auc(attack.control_auc)] if untrained else []),
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


def _auc(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return escape(f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]")
