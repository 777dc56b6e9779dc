"""Arrange what a run found into what the template shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pixleak.evaluation.roc import roc_of
from pixleak.report import wording
from pixleak.report.figures import Curve, histogram, loss_figure, roc_figures
from pixleak.report.folder import RecordScores, Run, Source
from pixleak.report.pictures import Gallery, gallery
from pixleak.results import AttackResult, ModelInfo, OperatingPoint, Result, TprAtFpr

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
_POINTS = {
    "shadow": "At the shadow’s threshold",
    "shadow-training-loss": "At the shadow’s training loss",
    "oracle": "At the best threshold in hindsight",
}


@dataclass(frozen=True)
class Row:
    """One attack in the table.

    Args:
        place: 1 is the strongest.
        attack: its figures.
        evidence: whether the verdict rests on it.
        quiet: whether its control tells nothing; None where there is no control.
        rates: one per false positive rate of the table, None where it was not evaluated.
        points: one per operating point of the table, likewise.
    """

    place: int
    attack: AttackResult
    evidence: bool
    quiet: bool | None
    rates: tuple[TprAtFpr | None, ...]
    points: tuple[OperatingPoint | None, ...]


@dataclass(frozen=True)
class LegendEntry:
    """One line of the legend of the ROC figures."""

    number: int
    title: str
    auc: float
    ink: str
    dash: str


@dataclass(frozen=True)
class Panel:
    """One distribution of scores."""

    title: str
    kind: str
    svg: Markup
    outside: int


@dataclass(frozen=True)
class Tile:
    """One key figure."""

    value: str
    name: str
    note: str


@dataclass(frozen=True)
class AucAxis:
    """Where areas lie on the small axis that every row of the table draws."""

    low: float

    def at(self, area: float) -> float:
        """Position of an area, 0 to 100."""
        return round(100 * (min(max(area, self.low), 1.0) - self.low) / (1.0 - self.low), 2)


def page(run: Run) -> dict[str, Any]:
    """The names that the template uses."""
    result = run.result
    attacks = sorted(result.attacks, key=lambda attack: attack.auc.value, reverse=True)
    curves, legend = _curves(run, attacks)
    fprs = sorted({rate.fpr for a in attacks for rate in a.tpr_at_fpr}, reverse=True)
    points = [n for n in _POINTS if any(p.name == n for a in attacks for p in a.operating_points)]
    rows = [_row(place, a, result, fprs, points) for place, a in enumerate(attacks, start=1)]
    return {
        "result": result,
        "answer": wording.ANSWERS[result.verdict.answer],
        "meaning": wording.meaning(result),
        "tiles": _tiles(result, attacks),
        "roc": roc_figures(curves) if curves else None,
        "legend": legend,
        "panels": _panels(run, attacks),
        "fprs": fprs,
        "points": {name: _POINTS[name] for name in points},
        "rows": rows[:_IN_FULL_VIEW],
        "more_rows": rows[_IN_FULL_VIEW:],
        "axis": _auc_axis(attacks),
        "exposed_by": _exposed_by(result),
        "gallery": _gallery(run),
        "losses": loss_figure(result.models),
        "trained": [model.name for model in result.models if len(model.epoch_losses) > 1],
    }


def _row(
    place: int, attack: AttackResult, result: Result, fprs: Sequence[float], points: Sequence[str]
) -> Row:
    rates = {rate.fpr: rate for rate in attack.tpr_at_fpr}
    at = {point.name: point for point in attack.operating_points}
    control = attack.control_auc
    return Row(
        place,
        attack,
        evidence=wording.found_leak(attack, result),
        quiet=None if control is None else control.low <= 0.5 <= control.high,
        rates=tuple(rates.get(fpr) for fpr in fprs),
        points=tuple(at.get(name) for name in points),
    )


def _auc_axis(attacks: Sequence[AttackResult]) -> AucAxis:
    intervals = [i for a in attacks for i in (a.auc, a.control_auc) if i is not None]
    lowest = min((interval.low for interval in intervals), default=0.5)
    return AucAxis(low=max(0.0, min(0.4, int(lowest * 10) / 10)))


def _drawable(scores: RecordScores | None) -> RecordScores | None:
    both = scores is not None and scores.member.any() and not scores.member.all()
    return scores if both else None


def _curves(run: Run, attacks: Sequence[AttackResult]) -> tuple[list[Curve], list[LegendEntry]]:
    curves: list[Curve] = []
    legend: list[LegendEntry] = []

    def add(
        source: Source, title: str, auc: float, ink: str, dash: tuple[float, ...], **look: Any
    ) -> None:
        scores = _drawable(run.scores.get(source))
        if scores is None:
            return
        number = len(curves)
        curves.append(Curve(number, scores, ink, dash, **look))
        dashes = " ".join(f"{length:g}" for length in dash)
        legend.append(LegendEntry(number, title, auc, ink, dashes))

    for place, attack in enumerate(attacks):
        source = Source("attack", attack.name, attack.signal)
        if place < _COLOURED:
            width, band = (2.3 if place == 0 else 1.5), place == 0
            ink, dash = f"series-{place}", _DASHES[place]
            add(source, attack.title, attack.auc.value, ink, dash, width=width, band=band)
        if place == 0 and attack.control_auc is not None:
            control = source._replace(kind="control")
            title = f"{attack.title}, on the untrained model"
            add(control, title, attack.control_auc.value, "control", (4.0, 2.0), band=True)
    for source, scores in run.scores.items():
        if source.kind == "blind" and _drawable(scores) is not None:
            add(source, "Blind baseline", _auc(scores), "control", (1.2, 1.8), width=1.8)
    for attack in attacks[_COLOURED:]:
        source = Source("attack", attack.name, attack.signal)
        add(source, attack.title, attack.auc.value, "muted", (), width=0.8)
    return curves, legend


def _auc(scores: RecordScores) -> float:
    return roc_of(scores.values, scores.member).auc


def _panels(run: Run, attacks: Sequence[AttackResult]) -> list[Panel]:
    panels = []
    for place, attack in enumerate(attacks[:_DISTRIBUTIONS]):
        thresholds = {point.name: point.threshold for point in attack.operating_points}
        for kind, name, marks in (
            ("attack", "on the model", thresholds),
            ("control", "on the untrained model", {}),
        ):
            source = Source(kind, attack.name, attack.signal)  # type: ignore[arg-type]
            scores = _drawable(run.scores.get(source))
            if scores is None:
                continue
            drawn = histogram(
                scores, name=f"scores-{place}-{kind}", title=attack.title, thresholds=marks
            )
            panels.append(Panel(attack.title, name, drawn.svg, drawn.outside))
    return panels


def _exposed_by(result: Result) -> str:
    shown = result.exposures
    if shown is None:
        return ""
    for attack in result.attacks:
        if (attack.name, attack.signal) == (shown.attack, shown.signal):
            return attack.title
    return f"{shown.attack} over {shown.signal}"


def _gallery(run: Run) -> Gallery | None:
    shown, records = run.result.exposures, run.result.records
    if shown is None or not shown.records:
        return None
    return gallery(shown.records, run.exhibits, {} if records is None else records.truth)


def _tiles(result: Result, attacks: Sequence[AttackResult]) -> list[Tile]:
    tiles = [] if not attacks else _attack_tiles(attacks[0])
    target = next((model for model in result.models if model.name == "target"), None)
    if target is not None and (gap := dice_gap(target)) is not None:
        tiles.append(
            Tile(
                wording.area(gap),
                "generalisation gap",
                f"mean Dice {wording.area(target.members_dice or 0)} on its training records, "
                f"{wording.area(target.nonmembers_dice or 0)} on held-out ones",
            )
        )
    tiles.append(
        Tile(
            wording.area(result.verdict.detectable_auc),
            "smallest AUC it would notice",
            "with a probability of 80 %, given this many records",
        )
    )
    return tiles


def _attack_tiles(best: AttackResult) -> list[Tile]:
    tiles = [
        Tile(
            wording.area(best.auc.value),
            "AUC of the strongest attack",
            f"{best.title}; interval {wording.area_range(best.auc)}; guessing is 0.500",
        )
    ]
    resolvable = [rate for rate in best.tpr_at_fpr if rate.resolvable]
    if resolvable:
        strict = min(resolvable, key=lambda rate: rate.fpr)
        tiles.append(
            Tile(
                wording.percent(strict.value),
                f"members recognised at {wording.percent(strict.fpr)} false positives",
                f"{strict.successes:,} of {strict.trials:,}; interval "
                f"{wording.percent_range(strict)}; guessing is {wording.percent(strict.fpr)}",
            )
        )
    carried = next((point for point in best.operating_points if point.name == "shadow"), None)
    if carried is not None:
        tiles.append(
            Tile(
                wording.percent(carried.balanced_accuracy.value),
                "balanced accuracy",
                "of the same attack, its threshold set on a shadow model; guessing is 50 %",
            )
        )
    tiles.append(
        Tile(
            f"{best.members:,} + {best.nonmembers:,}",
            "members + non-members",
            "records that it was measured on",
        )
    )
    return tiles


def dice_gap(model: ModelInfo) -> float | None:
    """How much better a model does on its training records, in Dice."""
    if model.members_dice is None or model.nonmembers_dice is None:
        return None
    return model.members_dice - model.nonmembers_dice
