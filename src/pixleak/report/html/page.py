"""Arrange what a run found into what the template shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pixleak.analyses.drawing.pictures import sheet
from pixleak.analyses.walk import not_installed
from pixleak.evaluation.controls import untrained_control
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.report import wording
from pixleak.report.folder import RecordScores, RunFolder, ScoreKey
from pixleak.report.html.figures import Curve, histogram, loss_figure, roc_figures
from pixleak.report.html.hardness import difficulty_panels
from pixleak.report.html.sections import PagePart
from pixleak.report.html.tiles import gap_of, tiles
from pixleak.results.attacks import AttackResult, OperatingPoint
from pixleak.results.audit import Result
from pixleak.results.base import PositivePredictiveValue, TprAtFpr
from pixleak.results.controls import Control

_COLOURED = 5
_DISTRIBUTIONS = 3
_IN_FULL_VIEW = 15
#: Dash patterns of the coloured curves in points: they differ by more than colour.
_DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (7.0, 2.5),
    (2.5, 1.8),
    (8.0, 2.0, 2.0, 2.0),
    (5.0, 1.6, 1.4, 1.6, 1.4, 1.6),
)
#: What operating points are called. Each of the columns below shows one or two of them.
_POINTS = {
    "shadow": "shadow’s threshold",
    "shadow-training-loss": "shadow’s training loss",
    "oracle": "oracle threshold",
}
_COLUMNS = (("shadow", "shadow-training-loss"), ("oracle",))


@dataclass(frozen=True)
class AttackRow:
    """One attack in the table.

    Args:
        attack: its figures.
        evidence: whether the verdict rests on it.
        quiet: whether its control's interval holds one half; None where there is no control.
        close: whether its AUC is above one half but its interval not above its control's AUC.
        rates: one per false positive rate of the table, None where it was not evaluated.
        points: for each column of operating points, those of the attack.
    """

    attack: AttackResult
    evidence: bool
    quiet: bool | None
    close: bool
    rates: tuple[TprAtFpr | None, ...]
    points: tuple[tuple[OperatingPoint, ...], ...]


@dataclass(frozen=True)
class Panel:
    """One distribution of scores."""

    title: str
    control: bool
    svg: Markup
    outside: int


@dataclass(frozen=True)
class AucAxis:
    """Where areas lie on the small axis that every row of the table draws."""

    low: float

    def at(self, area: float) -> float:
        """Position of an area, 0 to 100."""
        return round(100 * (min(max(area, self.low), 1.0) - self.low) / (1.0 - self.low), 2)


def page(run: RunFolder, parts: Sequence[PagePart]) -> dict[str, Any]:
    """The names that the template uses.

    Args:
        run: all that the report is made from.
        parts: the sections of the analyses, in order.
    """
    result = run.result
    attacks = sorted(result.attacks, key=lambda attack: attack.auc.value, reverse=True)
    curves = _curves(run, attacks)
    fprs = sorted({rate.fpr for a in attacks for rate in a.tpr_at_fpr}, reverse=True)
    used = {point.name for attack in attacks for point in attack.operating_points}
    columns = [names for names in _COLUMNS if used.intersection(names)]
    rows = [_row(attack, result, fprs, columns) for attack in attacks]
    return {
        "result": result,
        "answer": wording.ANSWERS[result.verdict.answer],
        "meaning": wording.meaning(result),
        "tiles": tiles(result),
        "evidence": [attack.title for attack in attacks if wording.found_leak(attack, result)],
        "controls": _controls(result),
        "roc": roc_figures(curves) if curves else None,
        "curves": curves,
        "panels": _panels(run, attacks),
        "fprs": fprs,
        "points": {name: title for name, title in _POINTS.items() if name in used},
        "columns": [f"At the {_POINTS[names[0]]}" for names in columns],
        "rows": rows[:_IN_FULL_VIEW],
        "more_rows": rows[_IN_FULL_VIEW:],
        "axis": _auc_axis(attacks),
        "ppv": _predictive_values(result),
        "parts": parts,
        "not_installed": not_installed(result),
        "losses": loss_figure(result.models),
        "utility": next((gap.word for m in result.models if (gap := gap_of(m))), "Dice"),
        "hardness": difficulty_panels(run),
        "training": None if run.training is None else sheet(run.training),
        "trained": [model.name for model in result.models if len(model.epoch_losses) > 1],
    }


def _controls(result: Result) -> list[Control]:
    """The controls of the audit, and that of the attack which the verdict speaks of."""
    best = wording.strongest_attack(result)
    if best is None or best.control_auc is None:
        return result.controls
    own = untrained_control(best.title, best.control_auc)
    if any(c.name == own.name and c.auc == own.auc for c in result.controls):
        return result.controls
    return [*result.controls, own]


def _row(
    attack: AttackResult,
    result: Result,
    fprs: Sequence[float],
    columns: Sequence[Sequence[str]],
) -> AttackRow:
    rates = {rate.fpr: rate for rate in attack.tpr_at_fpr}
    at = {point.name: point for point in attack.operating_points}
    control = attack.control_auc
    return AttackRow(
        attack,
        evidence=wording.found_leak(attack, result),
        quiet=None if control is None else control.low <= 0.5 <= control.high,
        close=control is not None and 0.5 < attack.auc.low <= control.value,
        rates=tuple(rates.get(fpr) for fpr in fprs),
        points=tuple(tuple(at[name] for name in names if name in at) for names in columns),
    )


def _auc_axis(attacks: Sequence[AttackResult]) -> AucAxis:
    intervals = [i for a in attacks for i in (a.auc, a.control_auc) if i is not None]
    lowest = min((interval.low for interval in intervals), default=0.5)
    return AucAxis(low=max(0.0, min(0.4, int(lowest * 10) / 10)))


def _drawable(scores: RecordScores | None) -> bool:
    return scores is not None and bool(scores.member.any()) and not scores.member.all()


def _curves(run: RunFolder, attacks: Sequence[AttackResult]) -> list[Curve]:
    """The curves worth a line, those to be drawn on top first."""
    curves = []
    for place, attack in enumerate(attacks[:_COLOURED]):
        curves.append(
            Curve(
                attack.title,
                attack.auc.value,
                run.scores[ScoreKey("attack", attack.name, attack.signal)],
                ink=f"series-{place}",
                dash=_DASHES[place],
                width=2.3 if place == 0 else 1.5,
                band=place == 0,
            )
        )
    for attack in attacks[:1]:
        control = run.scores.get(ScoreKey("control", attack.name, attack.signal))
        if control is not None and attack.control_auc is not None:
            title, auc = f"{attack.title} on the untrained model", attack.control_auc.value
            curves.append(Curve(title, auc, control, ink="control", dash=(4.0, 2.0), band=True))
    for source, scores in run.scores.items():
        if source.kind == "blind" and _drawable(scores):
            auc = roc_of(scores.values, scores.member).auc
            curves.append(
                Curve("Blind baseline", auc, scores, ink="control", dash=(1.2, 1.8), width=1.8)
            )
    for attack in attacks[_COLOURED:_IN_FULL_VIEW]:
        scores = run.scores[ScoreKey("attack", attack.name, attack.signal)]
        curves.append(
            Curve(attack.title, attack.auc.value, scores, ink="muted", width=0.7, opacity=0.6)
        )
    return [curve for curve in curves if _drawable(curve.scores)]


def _panels(run: RunFolder, attacks: Sequence[AttackResult]) -> list[Panel]:
    panels = []
    for place, attack in enumerate(attacks[:_DISTRIBUTIONS]):
        thresholds: dict[str, float] = {
            point.name: point.threshold for point in attack.operating_points
        }
        model = ScoreKey("attack", attack.name, attack.signal)
        for source in (model, model._replace(kind="control")):
            scores = run.scores.get(source)
            if scores is None or not _drawable(scores):
                continue
            control = source.kind == "control"
            drawn = histogram(
                scores,
                name=f"scores-{place}-{source.kind}",
                title=f"{attack.title} on the {'untrained ' if control else ''}model",
                thresholds={} if control else thresholds,
            )
            panels.append(Panel(attack.title, control, drawn.svg, drawn.outside))
    return panels


@dataclass(frozen=True)
class PredictiveValues:
    """The positive predictive value of one attack at several priors."""

    title: str
    fpr: float
    values: Sequence[PositivePredictiveValue]


def _predictive_values(result: Result) -> PredictiveValues | None:
    """Of the attack that the verdict speaks of, at the strictest rate that was quoted."""
    best = wording.strongest_attack(result)
    if best is None:
        return None
    for rate in sorted(best.tpr_at_fpr, key=lambda one: one.fpr):
        if rate.ppv:
            return PredictiveValues(best.title, rate.fpr, rate.ppv)
    return None
