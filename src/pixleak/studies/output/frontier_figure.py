"""The frontier as a figure: the strongest attack against utility, one marker per defence.

It is narrow enough for a phone. Defences differ by the shape and colour of their markers, and are
named beside them; whatever a colour says is said by a shape or by words too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pixleak.analyses.drawing.svg import INK, style
from pixleak.core.tables import Floats
from pixleak.results.numbers import PERCENT, area, percent, plain
from pixleak.studies.output.drawing import SHAPES, Drawing, finish, label_ticks, shorten
from pixleak.studies.output.label_placement import place_labels
from pixleak.studies.summary.frontier import AttackFigure, Candidate

_LONGEST_LABEL = 26


@dataclass(frozen=True)
class Marker:
    """How a family of defences is drawn."""

    ink: str
    shape: str


def family_markers(families: Sequence[str]) -> dict[str, Marker]:
    """A marker for each family of defences, all different; the undefended model's is a black star.

    Args:
        families: ``"argmax"``, ``"crop-training+argmax"``; ``""`` for none.
    """
    shapes = [shape for shape in SHAPES if shape != "*"]
    markers = {"": Marker("ink", "*")}
    for k, family in enumerate(family for family in dict.fromkeys(families) if family):
        # Eleven shapes and five colours have no common divisor: 55 pairs before one comes again.
        markers[family] = Marker(f"series-{k % 5}", shapes[k % len(shapes)])
    return markers


def frontier_figure(
    candidates: Sequence[Candidate],
    figure: AttackFigure,
    *,
    name: str,
    title: str,
    acceptable: float,
) -> Drawing:
    """The figure of one setting, with intervals in both directions.

    Candidates are placed by their utility and by ``figure``; a line marks the acceptable AUC.
    """
    markers = family_markers([one.condition.first.defence_names for one in candidates])
    measure = candidates[0].measure
    with style():
        canvas = Figure(figsize=(4.7, 4.3))
        FigureCanvasAgg(canvas)
        axes = canvas.add_axes((0.13, 0.115, 0.85, 0.865))
        if figure == "auc":
            axes.axhline(acceptable, color=INK["muted"], linewidth=0.9, dashes=(4, 3), zorder=1)
        _draw_frontier(axes, [one for one in candidates if one.status == "frontier"])
        _draw_families(axes, candidates, markers)
        for one in candidates:
            _draw_candidate(axes, one, markers[one.condition.first.defence_names])
        _set_limits(axes, candidates, chance=0.5 if figure == "auc" else 0.01)
        attack = "AUC of the strongest attack" if figure == "auc" else f"TPR at 1{PERCENT} FPR"
        axes.set(
            xlabel=f"{measure.word} on held-out records "
            f"({'less' if measure.loss else 'more'} is better)",
            ylabel=f"{attack} (less is better)",
        )
        for axis, written in (
            (axes.xaxis, plain),
            (axes.yaxis, plain if figure == "auc" else percent),
        ):
            axis.set_major_locator(MaxNLocator(6))
            label_ticks(axis, written)
        if measure.loss:
            axes.invert_xaxis()
        _label_points(axes, canvas.dpi / 72, candidates)
    described = "; ".join(
        f"{one.label}: {measure.word} {area(one.utility.value)}, attack {area(one.attack.value)}, "
        f"{one.status}"
        for one in candidates
    )
    return finish(canvas, name=name, title=title, description=described)


def _points(candidates: Sequence[Candidate]) -> Floats:
    return np.array([(one.utility.value, one.attack.value) for one in candidates])


def _draw_frontier(axes: Axes, best: Sequence[Candidate]) -> None:
    """As stairs: no defence attains a point between two that is better than one of them."""
    order = sorted(best, key=lambda one: (one.attack.value, one.utility.value))
    x, y = _points(order).T
    axes.step(x, y, where="pre", color=INK["muted"], linewidth=1.3, alpha=0.8, zorder=1.5)


def _draw_families(
    axes: Axes, candidates: Sequence[Candidate], markers: Mapping[str, Marker]
) -> None:
    """A thin line through the strengths of one defence."""
    families: dict[str, list[tuple[float, Candidate]]] = {}
    for one in candidates:
        first = one.condition.first
        if (strength := first.numbers.get("strength")) is not None:
            families.setdefault(first.defence_names, []).append((strength, one))
    for family, members in families.items():
        order = [one for _, one in sorted(members, key=lambda pair: pair[0])]
        colour = INK[markers[family].ink]
        axes.plot(*_points(order).T, color=colour, linewidth=0.8, dashes=(1.5, 1.5), zorder=1.6)


def _draw_candidate(axes: Axes, one: Candidate, marker: Marker) -> None:
    colour = INK[marker.ink]
    dominated = one.status == "dominated"
    faint = 0.35 if dominated else 0.6
    for x, y in (segment.T for segment in _intervals(one)):
        axes.plot(x, y, color=colour, linewidth=1.1, alpha=faint, zorder=2, solid_capstyle="butt")
    axes.plot(
        [one.utility.value],
        [one.attack.value],
        marker.shape,
        color=colour,
        # Hollow markers are filled with the ground, so that no line shows through.
        markerfacecolor=colour if one.status == "frontier" else "#ffffff00",
        markersize=11 if marker.shape == "*" else 6.5,
        markeredgewidth=1.4,
        alpha=0.6 if dominated else 1.0,
        zorder=3,
    )


def _intervals(one: Candidate) -> list[Floats]:
    """The (2, 2) end points of its intervals of utility and attack."""
    x, y = one.utility, one.attack
    found = []
    if x.ends is not None:
        found.append(np.array([(end, y.value) for end in x.ends]))
    if y.ends is not None:
        found.append(np.array([(x.value, end) for end in y.ends]))
    return found


def _set_limits(axes: Axes, candidates: Sequence[Candidate], chance: float) -> None:
    """Room for chance and for all intervals, unless these are much wider than the points' range."""
    for set_limits, values, also in (
        (axes.set_xlim, [one.utility for one in candidates], []),
        (axes.set_ylim, [one.attack for one in candidates], [chance]),
    ):
        points = [one.value for one in values] + also
        ends = [end for one in values for end in (one.ends or (one.value, one.value))] + also
        spread = max(max(points) - min(points), 0.02)
        low = max(min(ends), min(points) - spread)
        high = min(max(ends), max(points) + spread)
        slack = 0.09 * (high - low)
        set_limits(low - slack, high + slack)


def _label_points(axes: Axes, scale: float, candidates: Sequence[Candidate]) -> None:
    """Name each point, with a line to it where the label is far off."""
    canvas = axes.figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    to_pixels = axes.transData.transform
    points = to_pixels(_points(candidates))
    labels = [
        axes.text(0, 0, shorten(one.label, _LONGEST_LABEL), fontsize=8.2, zorder=5)
        for one in candidates
    ]
    extents = [label.get_window_extent(renderer) for label in labels]
    segments = [to_pixels(segment) for one in candidates for segment in _intervals(one)]
    boxes, distances = place_labels(
        points,
        np.array([(extent.width + 4 * scale, extent.height) for extent in extents]),
        np.array([(*s.min(axis=0) - scale, *s.max(axis=0) + scale) for s in segments]).reshape(
            -1, 4
        ),
        np.array(axes.get_window_extent(renderer).extents),
        scale,
    )
    for label, point, box, distance in zip(labels, points, boxes, distances, strict=True):
        # As shares of the axes: a saved figure has another resolution than this one.
        corner = axes.transAxes.inverted().transform((box[0] + 2 * scale, box[1]))
        label.set(position=corner, transform=axes.transAxes, verticalalignment="bottom")
        if distance > 14 * scale:
            ends = axes.transData.inverted().transform([point, np.clip(point, box[:2], box[2:])])
            axes.plot(*ends.T, color=INK["muted"], linewidth=0.6, zorder=1.8)
