"""Figures of AUCs with their intervals: over many victims, and by kind of record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pixleak.analyses.drawing.svg import INK, inline_svg, style
from pixleak.results.base import Interval
from pixleak.results.numbers import percent, plain
from pixleak.results.sections import Spread, SubgroupResult, Subgroups

ROWS = 12
"""Attacks that are drawn, the strongest first."""

_ROW = 0.27
_LABELS = 2.45


def spread_figure(ranked: Sequence[Spread], *, victims: int) -> Markup:
    """One row per attack: the AUC of each victim, and beside it the TPR, with mean and interval.

    Args:
        ranked: attacks, the strongest first.
        victims: how many there are.
    """
    rows = ranked[:ROWS]
    fpr = _strictest(rows)
    with style():
        height = _ROW * len(rows) + 0.55
        figure = Figure(figsize=(8.6, height))
        left = _LABELS / 8.6
        wide = (1 - left - 0.03) / 2 - 0.02
        low = min(min(one.victims) for one in rows)
        areas = figure.add_axes((left, 0.42 / height, wide, 1 - 0.5 / height))
        _dots(areas, [(one.victims, one.auc) for one in rows])
        areas.set(xlim=(min(0.48, low - 0.02), 1.01), xlabel="AUC")
        areas.set_yticks(range(len(rows)), [_short(one.title) for one in rows])
        areas.axvline(0.5, color=INK["muted"], linewidth=0.8, dashes=(3, 3))
        if fpr is not None:
            rates = figure.add_axes((left + wide + 0.035, 0.42 / height, wide, 1 - 0.5 / height))
            at = [next(r for r in one.tpr_at_fpr if r.fpr == fpr) for one in rows]
            _dots(rates, [(rate.victims, rate.mean) for rate in at])
            rates.set(xlim=(-0.01, 1.01), xlabel=f"TPR at {percent(fpr)} FPR")
            rates.xaxis.set_major_formatter(FuncFormatter(lambda x, _: percent(round(x, 6))))
            rates.set_yticks(range(len(rows)), [])
    best = rows[0]
    return inline_svg(
        figure,
        name="leave-one-out",
        title="Each attack on each model of the pool",
        description=(
            f"{victims} victims. {best.title} has the highest mean AUC, "
            f"{plain(best.auc.value)}; the lowest drawn is {rows[-1].title} with "
            f"{plain(rows[-1].auc.value)}."
        ),
    )


def subgroups_figure(found: Subgroups) -> Markup | None:
    """One row per kind of record: its AUC with interval."""
    rows = [one for one in found.subgroups if one.auc is not None]
    if not rows:
        return None
    with style():
        height = _ROW * len(rows) + 0.55
        figure = Figure(figsize=(6.2, height))
        left = 2.75 / 6.2
        axes = figure.add_axes((left, 0.42 / height, 1 - left - 0.03, 1 - 0.5 / height))
        for y, one in enumerate(rows):
            assert one.auc is not None
            colour = INK["series-0"] if _stands(one, found) else INK["ink"]
            axes.plot([one.auc.low, one.auc.high], [y, y], color=colour, linewidth=1.6)
            axes.plot([one.auc.value], [y], "o", color=colour, markersize=4.5)
        axes.axvline(0.5, color=INK["muted"], linewidth=0.8, dashes=(3, 3))
        low = min(one.auc.low for one in rows if one.auc is not None)
        axes.set(xlim=(min(0.45, low - 0.02), 1.01), ylim=(len(rows) - 0.5, -0.5), xlabel="AUC")
        axes.set_yticks(range(len(rows)), [_short(one.name, 40) for one in rows])
        axes.tick_params(axis="y", labelcolor=INK["ink"])
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.grid(visible=False, axis="y")
    return inline_svg(
        figure,
        name="subgroups",
        title="AUC by kind of record",
        description="; ".join(
            f"{one.name}: {plain(one.auc.value)}" for one in rows if one.auc is not None
        ),
    )


def _stands(one: SubgroupResult, found: Subgroups) -> bool:
    return found.most_exposed == f"{one.kind}: {one.name}"


def _strictest(rows: Sequence[Spread]) -> float | None:
    """The lowest false positive rate that can be resolved for every attack drawn."""
    held = [{r.fpr for r in one.tpr_at_fpr if r.resolvable} for one in rows]
    shared = set.intersection(*held)
    return min(shared) if shared else None


def _dots(axes, rows: Sequence[tuple[Sequence[float], Interval]]) -> None:  # type: ignore[no-untyped-def]
    for y, (victims, mean) in enumerate(rows):
        # Shifted a little in height, in a fixed pattern, so that equal values stay visible.
        offsets = (np.arange(len(victims)) % 5 - 2) * 0.07
        axes.plot(
            victims, y + offsets, "o", color=INK["series-1"], markersize=2.4, alpha=0.55, zorder=2
        )
        axes.plot([mean.low, mean.high], [y, y], color=INK["ink"], linewidth=1.7, zorder=3)
        axes.plot([mean.value], [y], "D", color=INK["ink"], markersize=4, zorder=4)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", labelcolor=INK["ink"])
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6))


def _short(title: str, most: int = 44) -> str:
    return title if len(title) <= most else title[: most - 1].rstrip() + "…"
