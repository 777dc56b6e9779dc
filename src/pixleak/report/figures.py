"""The figures of the report, drawn as SVG: ROC curves, score distributions, training losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray
from scipy.stats import beta

from pixleak.evaluation.roc import roc_of
from pixleak.report.folder import RecordScores
from pixleak.report.svg import INK, inline_svg, style
from pixleak.report.wording import percent, plain
from pixleak.results import ModelInfo
from pixleak.types import Floats

_MOST_CORNERS = 800
_BINS = 36


@dataclass(frozen=True, eq=False)
class Curve:
    """One ROC curve to draw.

    Args:
        number: unique on the page; the script that highlights curves finds it by this.
        scores: what to draw, with at least one member and one non-member.
        ink: a name of :data:`pixleak.report.svg.INK`.
        dash: dash pattern in points, empty for a full line.
        width: in points.
        band: whether to draw its pointwise interval.
    """

    number: int
    scores: RecordScores
    ink: str
    dash: tuple[float, ...] = ()
    width: float = 1.6
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
        axes = figure.add_axes((0.13, 0.115, 0.85, 0.865))
        for curve in reversed(curves):
            _draw_roc(axes, curve, floor)
        diagonal = np.geomspace(1e-9, 1, 400)
        axes.plot(diagonal, diagonal, color=INK["muted"], linewidth=0.9, dashes=(1.5, 2.5))
        axes.set(xlabel="False positive rate", ylabel="True positive rate")
        if floor is None:
            axes.set(xlim=(0, 1), ylim=(0, 1.006), aspect="equal", anchor="SW")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
                axis.set_major_formatter(FuncFormatter(lambda x, _: percent(x)))
        else:
            axes.set(xscale="log", yscale="log", xlim=(floor[0], 1), ylim=(floor[1], 1.04))
            for axis, low in ((axes.xaxis, floor[0]), (axes.yaxis, floor[1])):
                decades = 10.0 ** np.arange(round(np.log10(low)), 1)
                axis.set_major_locator(FixedLocator(list(decades)))
                axis.set_minor_locator(NullLocator())
                axis.set_major_formatter(FuncFormatter(lambda x, _: percent(x)))
            nonmembers = int((~curves[0].scores.member).sum())
            axes.axvspan(floor[0], 1 / nonmembers, color=INK["shade"], linewidth=0, zorder=0.5)
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


def _draw_roc(axes: Axes, curve: Curve, floor: tuple[float, float] | None) -> None:
    fpr, tpr, low, high = roc_path(curve.scores)
    if floor is not None:
        # On logarithmic axes the curve is drawn as the staircase that TPR at FPR is read from;
        # what happens before the first false positive runs in from the left edge.
        fpr = np.maximum(np.repeat(fpr, 2)[1:], floor[0])
        tpr, low, high = (np.maximum(np.repeat(y, 2)[:-1], floor[1]) for y in (tpr, low, high))
    if curve.band:
        band = axes.fill_between(fpr, low, high, color=INK[curve.ink], alpha=0.16, linewidth=0)
        band.set_gid(f"curve-{curve.number}-band")
    (line,) = axes.plot(fpr, tpr, color=INK[curve.ink], linewidth=curve.width)
    if curve.dash:
        line.set_dashes(curve.dash)
    line.set_gid(f"curve-{curve.number}")


def roc_path(scores: RecordScores) -> tuple[Floats, Floats, Floats, Floats]:
    """What to draw of a ROC curve: FPR, TPR and the ends of its interval, at the corners.

    The interval is the pointwise 95 % Clopper-Pearson interval of the true positive rate.
    """
    roc = roc_of(scores.values, scores.member)
    fpr, tpr = roc.corners()
    keep = _thinned(fpr)
    fpr, tpr = fpr[keep], tpr[keep]
    hits = np.rint(tpr * roc.members)
    misses = roc.members - hits
    low = np.where(hits > 0, beta.ppf(0.025, np.maximum(hits, 1), misses + 1), 0.0)
    high = np.where(misses > 0, beta.ppf(0.975, hits + 1, np.maximum(misses, 1)), 1.0)
    return fpr, tpr, low, high


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
    scores: RecordScores, *, name: str, title: str, thresholds: dict[str, float]
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
        axes = figure.add_axes((0.125, 0.23, 0.86, 0.74))
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
        figure = Figure(figsize=(6.4, 2.5))
        axes = figure.add_axes((0.09, 0.2, 0.9, 0.77))
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
