"""The figures of the report, drawn as SVG: ROC curves, score distributions, training losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from pixleak.analyses.drawing.svg import INK, inline_svg, style
from pixleak.core.tables import Floats
from pixleak.evaluation.statistics.rates import rate_of
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import SampleSide
from pixleak.report.folder import RecordScores
from pixleak.results.models import ModelInfo
from pixleak.results.numbers import percent, plain

_MOST_CORNERS = 800
_BINS = 36


@dataclass(frozen=True, eq=False)
class Curve:
    """One ROC curve to draw.

    Args:
        title: what to call it in the legend.
        auc: the area under it.
        scores: what to draw, with at least one member and one non-member.
        ink: a name of :data:`pixleak.analyses.drawing.svg.INK`.
        dash: dash pattern in points, empty for a full line.
        width: in points.
        opacity: of the line, 0 to 1.
        band: whether to draw its pointwise interval.
    """

    title: str
    auc: float
    scores: RecordScores
    ink: str
    dash: tuple[float, ...] = ()
    width: float = 1.6
    opacity: float | None = None
    band: bool = False


def roc_figures(curves: Sequence[Curve]) -> tuple[Markup, Markup]:
    """The ROC curves on linear and on logarithmic axes, the first curve on top."""
    floors = [_log_floor(curve.scores) for curve in curves]
    floor = (min(x for x, _ in floors), min(y for _, y in floors))
    return _roc_figure(curves, None), _roc_figure(curves, floor)


def _log_floor(scores: RecordScores) -> tuple[float, float]:
    """The decade below half a false positive and below half a member."""
    members = int(scores.member.sum())
    nonmembers = len(scores.member) - members
    decade = [10.0 ** np.floor(np.log10(0.5 / n)) for n in (nonmembers, members)]
    return float(decade[0]), float(decade[1])


def _roc_figure(curves: Sequence[Curve], floor: tuple[float, float] | None) -> Markup:
    with style():
        figure = Figure(figsize=(4.4, 4.2))
        axes = figure.add_axes((0.135, 0.11, 0.835, 0.875))
        for number, curve in reversed(list(enumerate(curves))):
            _draw_roc(axes, curve, f"curve-{number}", floor)
        chance = np.geomspace(1e-9, 1, 400)
        axes.plot(chance, chance, color=INK["muted"], linewidth=0.9, dashes=(1.5, 2.5))
        axes.set(xlabel="False positive rate", ylabel="True positive rate")
        if floor is None:
            axes.set(xlim=(0, 1), ylim=(0, 1.006))
        else:
            axes.set(xscale="log", yscale="log", xlim=(floor[0], 1), ylim=(floor[1], 1.04))
            axes.minorticks_off()
            nonmembers = int((~curves[0].scores.member).sum())
            axes.axvspan(floor[0], 1 / nonmembers, color=INK["shade"], linewidth=0, zorder=0.5)
        for axis, low in zip((axes.xaxis, axes.yaxis), floor or (None, None), strict=True):
            ticks = np.linspace(0, 1, 6)
            if low is not None:
                ticks = 10.0 ** np.arange(round(np.log10(low)), 1)
            axis.set_major_formatter(FuncFormatter(lambda share, _: percent(share)))
            axis.set_major_locator(FixedLocator(ticks.tolist()))
    scale = "linear" if floor is None else "log-log"
    best = curves[0].scores
    members = int(best.member.sum())
    return inline_svg(
        figure,
        name=f"roc-{scale}",
        title=f"ROC curves, {scale} axes",
        description=(
            f"True positive rate against false positive rate of {len(curves)} curves, measured on "
            f"{members} members and {len(best.member) - members} non-members. The table of attacks "
            "gives the same in numbers."
        ),
    )


def _draw_roc(axes: Axes, curve: Curve, gid: str, floor: tuple[float, float] | None) -> None:
    path = roc_path(curve.scores)
    fpr, tpr = _on_axes(path.fpr, path.tpr, floor)
    if curve.band:
        ends = tpr_bands(curve.scores, path)
        low, high = (_on_axes(path.fpr, end, floor)[1] for end in ends)
        band = axes.fill_between(fpr, low, high, color=INK[curve.ink], alpha=0.16, linewidth=0)
        band.set_gid(f"{gid}-band")
    (line,) = axes.plot(fpr, tpr, color=INK[curve.ink], linewidth=curve.width, alpha=curve.opacity)
    if curve.dash:
        line.set_dashes(curve.dash)
    line.set_gid(gid)


def _on_axes(x: Floats, y: Floats, floor: tuple[float, float] | None) -> tuple[Floats, Floats]:
    """The path to draw: as it is, or on logarithmic axes the staircase TPR at FPR is read from.

    There, what lies before the first false positive runs in level from the left edge.
    """
    if floor is None:
        return x, y
    first = int(np.searchsorted(x, 0, side="right")) - 1
    x, y = np.repeat(x[first:], 2)[1:], np.repeat(y[first:], 2)[:-1]
    return np.maximum(x, floor[0]), np.maximum(y, floor[1])


@dataclass(frozen=True, eq=False)
class RocPath:
    """The corners of a ROC curve.

    Args:
        fpr: (k,) rising from 0 to 1.
        tpr: (k,) rising from 0 to 1.
    """

    fpr: Floats
    tpr: Floats


def roc_path(scores: RecordScores) -> RocPath:
    """What to draw of a ROC curve."""
    fpr, tpr = roc_of(scores.values, scores.member).corners()
    keep = _thinned(fpr)
    return RocPath(fpr[keep], tpr[keep])


def tpr_bands(scores: RecordScores, path: RocPath) -> tuple[Floats, Floats]:
    """Lower and upper ends of the TPR's 95 % interval at each corner.

    They are the intervals of the tables, made monotone: the TPR cannot fall as the threshold
    does, so a lower end once reached holds further on, and an upper end holds before.
    """
    members = scores.values[scores.member]
    order = np.argsort(members, kind="stable")
    _, units = np.unique(scores.units[scores.member][order], return_inverse=True)
    side = SampleSide(members[order], units.astype(np.int64), int(units.max()) + 1)
    if side.count == 1:
        # One subject says nothing about the spread between subjects.
        side = SampleSide(side.scores, np.arange(len(members)), len(members))
    n = len(members)
    hits = np.rint(path.tpr * n).astype(np.int64)
    rates = {int(k): rate_of(np.arange(n) >= n - k, side) for k in np.unique(hits)}
    low = np.maximum.accumulate([rates[int(k)].low for k in hits])
    high = np.minimum.accumulate([rates[int(k)].high for k in hits[::-1]])[::-1]
    return low, high


def _thinned(fpr: Floats) -> NDArray[np.intp]:
    """All corners, or where there are very many as many as can be seen on either scale."""
    if len(fpr) <= _MOST_CORNERS:
        return np.arange(len(fpr))
    half = _MOST_CORNERS // 2
    smallest = fpr[fpr > 0].min()
    wanted = np.concatenate([np.linspace(0, 1, half), np.geomspace(smallest, 1, half)])
    # The last corner at or before each: the top of a vertical run.
    chosen = np.searchsorted(fpr, wanted, side="right") - 1
    return np.unique(np.concatenate([[0], chosen, [len(fpr) - 1]]))


@dataclass(frozen=True)
class Histogram:
    """A drawn distribution.

    Args:
        svg: the figure.
        outside: records whose score is infinite or beyond the drawn range; they are counted in
            the outermost bins.
    """

    svg: Markup
    outside: int


def histogram(
    scores: RecordScores, *, name: str, title: str, thresholds: Mapping[str, float]
) -> Histogram:
    """How the scores of members and non-members are distributed.

    Args:
        scores: at least one member and one non-member.
        name: unique on the page.
        title: for screen readers.
        thresholds: operating point -> threshold to mark.
    """
    low, high = _score_range(scores.values)
    inside = np.clip(scores.values, low, high)
    edges = np.linspace(low, high, _BINS + 1)
    shares = {
        side: np.histogram(inside[chosen], edges)[0] / chosen.sum()
        for side, chosen in (("member", scores.member), ("nonmember", ~scores.member))
    }
    with style():
        figure = Figure(figsize=(4.4, 2.1))
        axes = figure.add_axes((0.135, 0.22, 0.84, 0.75))
        # Filled against outlined: the two can be told apart without seeing colours.
        axes.stairs(shares["member"], edges, fill=True, color=INK["member"], alpha=0.38)
        axes.stairs(shares["member"], edges, color=INK["member"], linewidth=0.9)
        axes.stairs(shares["nonmember"], edges, color=INK["nonmember"], linewidth=1.7)
        for point, threshold in thresholds.items():
            if low <= threshold <= high:
                line = axes.axvline(threshold, color=INK["ink"], linewidth=1.0)
                if point != "oracle":
                    line.set_dashes((3, 2) if point == "shadow" else (1, 1.5))
        axes.grid(visible=False, axis="x")
        axes.set(xlim=(low, high), ylim=(0, None), xlabel="Score (higher = more likely a member)")
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y)))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: plain(round(x, 9))))
    medians = {
        side: plain(float(np.median(inside[chosen])))
        for side, chosen in (("members", scores.member), ("non-members", ~scores.member))
    }
    svg = inline_svg(
        figure,
        name=name,
        title=f"Distribution of scores: {title}",
        description=(
            f"Histograms of {int(scores.member.sum())} members (median {medians['members']}) and "
            f"{int((~scores.member).sum())} non-members (median {medians['non-members']})."
        ),
    )
    return Histogram(svg, outside=int(((scores.values < low) | (scores.values > high)).sum()))


def _score_range(values: Floats) -> tuple[float, float]:
    """The range that holds all but the outermost half percent, at each end, of finite scores."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return -1.0, 1.0
    low, high = (float(x) for x in np.quantile(finite, [0.005, 0.995]))
    slack = 0.04 * (high - low) or 0.5 * (abs(high) or 1.0)
    return max(low - slack, float(finite.min()) - slack), high + slack


def loss_figure(models: Sequence[ModelInfo]) -> Markup | None:
    """Training loss by epoch of all models that have one, the first drawn strongest."""
    trained = [model for model in models if len(model.epoch_losses) > 1]
    if not trained:
        return None
    with style():
        figure = Figure(figsize=(4.4, 2.1))
        axes = figure.add_axes((0.135, 0.22, 0.84, 0.75))
        for place, model in reversed(list(enumerate(trained))):
            epochs = np.arange(1, len(model.epoch_losses) + 1)
            (line,) = axes.plot(
                epochs,
                model.epoch_losses,
                color=INK["series-0"] if place == 0 else INK["series-1"],
                linewidth=1.9 if place == 0 else 1.2,
            )
            if place:
                line.set_dashes((6, 2.5))
        longest = max(len(model.epoch_losses) for model in trained)
        axes.set(xlim=(1, longest), ylim=(0, None), xlabel="Epoch", ylabel="Training loss")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: plain(round(y, 9))))
    first = trained[0]
    return inline_svg(
        figure,
        name="losses",
        title="Training loss by epoch",
        description=(
            f"{first.name} goes from {plain(first.epoch_losses[0])} to "
            f"{plain(first.epoch_losses[-1])} in {len(first.epoch_losses)} epochs; "
            f"{len(trained)} models are drawn."
        ),
    )
