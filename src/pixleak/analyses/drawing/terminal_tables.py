"""Tables in the terminal, and attacks in words."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from pixleak.results.attacks import AttackResult
from pixleak.results.base import Interval


def plain_table(gap: int = 2) -> Table:
    """A table without lines.

    Args:
        gap: columns of space between cells.
    """
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), caption_justify="left")


def auc_cell(interval: Interval | None) -> str:
    """``0.71 [0.65, 0.77]``, or a dash."""
    return "-" if interval is None else escape(_written(interval))


def ranked(attacks: Sequence[AttackResult]) -> list[AttackResult]:
    """Attacks, the highest AUC first."""
    return sorted(attacks, key=lambda one: one.auc.value, reverse=True)


def best_of(attacks: Sequence[AttackResult]) -> str:
    """A sentence about the strongest attack, with a space before it; empty without attacks."""
    if not attacks:
        return ""
    best = max(attacks, key=lambda one: one.auc.value)
    return f" {best.title} has an AUC of {_written(best.auc)}."


def _written(interval: Interval) -> str:
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
