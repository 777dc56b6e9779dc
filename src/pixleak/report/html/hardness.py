"""Error against difficulty, one panel per difficulty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pixleak.analyses.drawing.svg import INK, inline_svg, style
from pixleak.core.tables import Bools, Floats
from pixleak.report.folder import DIFFICULTY, ERRORS, RunFolder
from pixleak.results.numbers import plain

_MOST_POINTS = 600


@dataclass(frozen=True)
class HardnessPanel:
    """One scatter.

    Args:
        title: of the difficulty.
        svg: the figure.
        correlation: of difficulty and error among non-members.
    """

    title: str
    svg: Markup
    correlation: float


def difficulty_panels(run: RunFolder) -> list[HardnessPanel]:
    """A panel for every difficulty that was measured; none where there is no error to show."""
    error = next((name for name in ERRORS if name in run.signals), None)
    if error is None:
        return []
    titles = {control.name: control.title for control in run.result.controls}
    unit = "L1, share of the range" if error == "l1-error" else "nat/pixel"
    found = []
    for name in run.signals:
        if not name.startswith(DIFFICULTY):
            continue
        x, y, side = run.signals[name], run.signals[error], run.signals["member"]
        known = np.isfinite(x) & np.isfinite(y) & np.isfinite(side)
        member = side[known] > 0.5
        if min(int(member.sum()), int((~member).sum())) < 3 or np.ptp(x[known]) == 0:
            continue
        title = titles.get(name, name).removeprefix("Difficulty alone: ")
        found.append(_panel(name, title, f"Error ({unit})", x[known], y[known], member))
    return found


def _panel(name: str, title: str, label: str, x: Floats, y: Floats, member: Bools) -> HardnessPanel:
    slope, at_zero = np.polyfit(x[~member], y[~member], 1)
    spread = x[~member].std() * y[~member].std()
    correlation = float(np.cov(x[~member], y[~member], bias=True)[0, 1] / spread) if spread else 0.0
    with style():
        figure = Figure(figsize=(4.4, 2.9))
        axes = figure.add_axes((0.15, 0.17, 0.82, 0.8))
        for chosen, filled in ((~member, False), (member, True)):
            rows = np.flatnonzero(chosen)
            rows = rows[:: max(1, -(-len(rows) // _MOST_POINTS))]
            ink = INK["member"] if filled else INK["nonmember"]
            axes.scatter(
                x[rows],
                y[rows],
                s=11,
                facecolors=ink if filled else "none",
                edgecolors=ink,
                linewidths=0.9,
                alpha=0.75,
            )
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, slope * ends + at_zero, color=INK["ink"], linewidth=1.1, dashes=(6, 2.5))
        axes.set(xlabel=title, ylabel=label, ylim=(0, None))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(FuncFormatter(lambda v, _: plain(round(v, 9))))
    svg = inline_svg(
        figure,
        name=name,
        title=f"Error against {title}",
        description=(
            f"{int(member.sum())} members and {int((~member).sum())} non-members; mean error "
            f"{plain(float(y[member].mean()))} and {plain(float(y[~member].mean()))}."
        ),
    )
    return HardnessPanel(title[0].upper() + title[1:], svg, correlation)
