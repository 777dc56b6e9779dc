"""The attacks of a condition by the columns of published tables.

Source:
    Chobola, Usynin, Kaissis, "Membership inference attacks against semantic segmentation models",
    2022, arXiv:2212.01082, tables 1 to 5 (the columns).

Differs from the source:
    Accuracy is balanced accuracy at the threshold carried over from the shadow, with its interval;
    AUC, TPR at 1 % FPR, the audit's default attack and the strongest attack are added. Counts are
    sums over seeds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pixleak.studies.summary.conditions import Condition, Wanted
from pixleak.studies.summary.seed_estimates import Estimate
from pixleak.studies.summary.study_folder import CellAttack

_GLOBAL = ("cross-entropy", "dice-loss", "label-dice", "label-agreement", "l1-error")
"""Signals of the attack on one number for the whole image, the published one first."""

COUNTS = ("tn", "fp", "fn", "tp")
DEFAULT = "default"
STRONGEST = "strongest"
COLUMNS = ("Type-I", "Type-II", "global loss", "membership error", DEFAULT, STRONGEST)
"""A Type-I attack sees the predicted label map alone, a Type-II attack the true one as well."""


def published_column(row: CellAttack) -> str:
    """The column of the published tables that an attack belongs to; ``""`` if none."""
    if row.attack == "membership-error":
        return "membership error"
    if row.attack != "threshold":
        return ""
    if row.signal.startswith("type-ii-"):
        return "Type-II"
    if row.signal.startswith("type-i-"):
        return "Type-I"
    return "global loss" if row.signal in _GLOBAL else ""


@dataclass(frozen=True)
class AttackSummary:
    """One attack on one condition.

    Args:
        condition: the row of the table.
        column: the column of the table.
        titles: of the attacks that the figures are from.
        auc: over seeds.
        tpr: at 1 % FPR; None if not measured.
        accuracy: balanced; None if not measured.
        counts: TN, FP, FN, TP, summed over seeds; None without a threshold.
        failed_controls: number of seeds at which the same attack told members from non-members on
            an untrained model.
        same_figures: whether the attack was chosen on these figures.
    """

    condition: Condition
    column: str
    titles: tuple[str, ...]
    auc: Estimate
    tpr: Estimate | None
    accuracy: Estimate | None
    counts: tuple[int, ...] | None
    failed_controls: int
    same_figures: bool

    @property
    def name(self) -> str:
        """``"default attack"``, ``"Type-I"``."""
        return f"{self.column} attack" if self.column in (DEFAULT, STRONGEST) else self.column


def summarise_attacks(conditions: Sequence[Condition]) -> list[AttackSummary]:
    """Every column of every condition that has it."""
    found = [_summary(condition, column) for condition in conditions for column in COLUMNS]
    return [one for one in found if one is not None]


def _summary(condition: Condition, column: str) -> AttackSummary | None:
    if column == STRONGEST:
        attack, tpr = condition.strongest("auc"), condition.strongest("tpr1").estimate
        accuracy, counts, failed = None, None, 0
    else:
        wanted = _wanted(condition, column)
        attack, tpr = condition.attack("auc", wanted), condition.attack("tpr1", wanted).estimate
        accuracy = condition.attack("accuracy", wanted).estimate
        rows = condition.picked(wanted).values()
        counts = _counts(condition, rows)
        failed = sum(row.control_failed is True for row in rows)
    if (auc := attack.estimate) is None:
        return None
    return AttackSummary(
        condition, column, attack.titles, auc, tpr, accuracy, counts, failed, attack.same_figures
    )


def _counts(condition: Condition, rows: Collection[CellAttack]) -> tuple[int, ...] | None:
    """Sums over seeds; None where a seed lacks one."""
    if len(rows) < len(condition.cells) or any(n not in r.numbers for r in rows for n in COUNTS):
        return None
    return tuple(int(sum(row.numbers[name] for row in rows)) for name in COUNTS)


def _wanted(condition: Condition, column: str) -> Wanted:
    if column == DEFAULT:
        return lambda row: bool(row.default)
    # The same signal at all seeds: the first by rank.
    rows = [row for rows in condition.cells.values() for row in rows]
    signals = {row.signal for row in rows if published_column(row) == column}
    best = min(signals, key=lambda signal: (_rank(signal), signal), default="")
    return lambda row: published_column(row) == column and row.signal == best


def _rank(signal: str) -> tuple[int, int]:
    """Networks before regressions, soft answers before hard labels, as published."""
    if signal in _GLOBAL:
        return (_GLOBAL.index(signal), 0)
    return (int("network" not in signal), int("label" in signal))
