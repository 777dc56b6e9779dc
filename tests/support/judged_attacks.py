"""Results of attacks and controls, made up, and the verdict on them."""

from __future__ import annotations

from typing import Any

from pixleak.evaluation.verdict.rule import decide
from pixleak.results.attacks import AttackResult
from pixleak.results.base import Interval, TprAtFpr
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck
from pixleak.results.verdict import Verdict


def between(value: float, low: float, high: float) -> Interval:
    return Interval(value=value, low=low, high=high, method="test")


def interval(value: float, half: float = 0.05) -> Interval:
    return Interval(value=value, low=value - half, high=min(value + half, 1), method="test")


def rate(fpr: float, p: float) -> TprAtFpr:
    return TprAtFpr(
        fpr=fpr,
        value=0.205,
        low=0.151,
        high=0.268,
        successes=41,
        trials=200,
        false_positives=2,
        nonmembers=200,
        threshold=0.0,
        resolvable=True,
        p_value=p,
    )


def attack(
    auc: float = 0.5,
    p: float = 0.5,
    *,
    title: str = "Loss",
    tpr_p: float = 1.0,
    control: float | None = 0.5,
) -> AttackResult:
    return AttackResult(
        name="threshold",
        signal=title.lower(),
        title=title,
        source="",
        access="probability",
        needs_truth=True,
        auc=interval(auc),
        tpr_at_fpr=[rate(0.1, 1.0), rate(0.01, tpr_p), rate(0.001, 0.0)],
        operating_points=[],
        members=200,
        nonmembers=200,
        not_measured=0,
        p_value=p,
        control_auc=None if control is None else interval(control),
    )


def blind(auc: float | None = 0.5, name: str = "blind-baseline") -> Control:
    return Control(
        name=name,
        title="Blind baseline",
        auc=None if auc is None else interval(auc),
        passed=None if auc is None else auc < 0.55,
        explanation="It never sees the model.",
    )


def duplicates(affected: int) -> DuplicateCheck:
    return DuplicateCheck(
        pairs=[], nonmembers_affected=affected, nonmembers=200, passed=not affected, explanation="."
    )


SHIFTED = ShiftCheck(features=[], passed=False, explanation="The mean brightness differs.")


PASSED = (blind(),)


def verdict(attacks: list[AttackResult], controls: Any = PASSED, **other: Any) -> Verdict:
    settings: dict[str, Any] = {
        "duplicates": None, "shift": None, "members": 200, "nonmembers": 200
    } | other  # fmt: skip
    return decide(attacks, list(controls), **settings)
