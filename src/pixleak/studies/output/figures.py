"""The frontier as a figure, and figures as files of their own.

It is drawn narrow enough for a phone. Defences differ by the shape of their marker and by
their colour, and are named beside it; what a colour says is said by a shape or by words too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from pixleak.report.html.svg import INK, inline_svg, style
from pixleak.report.wording import area, percent, plain
from pixleak.studies.summary.frontier import Candidate
from pixleak.studies.summary.seeds import Estimate

SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")
_WORDS = {"auc": "AUC of the strongest attack", "tpr1": "TPR at 1\N{NO-BREAK SPACE}% FPR"}
_LONGEST = 26


@dataclass(frozen=True)
class Mark:
    """How a family of defences is drawn."""

    ink: str
    shape: str


def marks_of(families: Sequence[str]) -> dict[str, Mark]:
    """A mark for each family of defences, none twice; the undefended model's is a star in ink.

    Args:
        families: ``"argmax"``, ``"crop-training+argmax"``; ``""`` for none.
    """
    named = [family for family in dict.fromkeys(families) if family]
    marks = {"": Mark("ink", "*")}
    shapes = [shape for shape in SHAPES if shape != "*"]
    for place, family in enumerate(named):
        # Eleven shapes and five colours have no common divisor: 55 pairs before one comes again.
        marks[family] = Mark(f"series-{place % 5}", shapes[place % len(shapes)])
    return marks


def frontier_figure(
    found: Sequence[Candidate], *, strength: str, name: str, title: str, level: float | None
) -> Markup:
    """Strength of the attack against utility, a marker a defence, with both intervals.

    Args:
        found: candidates of one setting, placed by these two figures.
        strength: ``"auc"`` or ``"tpr1"``.
        name: unique on the page.
        title: for screen readers.
        level: AUC asked for, to be drawn; None for none.
    """
    marks = marks_of([one.condition.first.defence_names for one in found])
    loss = found[0].measure.loss
    better = "less" if loss else "more"
    with style():
        figure = Figure(figsize=(4.7, 4.3))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.13, 0.115, 0.85, 0.865))
        if level is not None and strength == "auc":
            axes.axhline(level, color=INK["muted"], linewidth=0.9, dashes=(4, 3), zorder=1)
        _draw_frontier(axes, [one for one in found if one.status == "frontier"])
        _draw_families(axes, found, marks)
        for one in found:
            _draw_candidate(axes, one, marks[one.condition.first.defence_names])
        _limits(axes, found, strength)
        axes.set(
            xlabel=f"{found[0].measure.word} on held-out records ({better} is better)",
            ylabel=f"{_WORDS[strength]} (less is better)",
        )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6))
            axis.set_major_formatter(FuncFormatter(lambda value, _: plain(round(value, 9))))
        if strength == "tpr1":
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(round(value, 9))))
        if loss:
            axes.invert_xaxis()
        _name_points(axes, found)
    return inline_svg(
        figure,
        name=name,
        title=title,
        description="; ".join(
            f"{one.label}: {found[0].measure.word} {area(one.utility.value)}, attack "
            f"{area(one.attack.value)}, {one.status}"
            for one in found
        ),
    )


def _draw_frontier(axes: Axes, best: Sequence[Candidate]) -> None:
    """As stairs: between two defences nothing is attained that is better than one of them."""
    order = sorted(best, key=lambda one: (one.attack.value, one.utility.value))
    axes.step(
        [one.utility.value for one in order],
        [one.attack.value for one in order],
        where="pre",
        color=INK["muted"],
        linewidth=1.3,
        alpha=0.8,
        zorder=1.5,
    )


def _draw_families(axes: Axes, found: Sequence[Candidate], marks: Mapping[str, Mark]) -> None:
    """A thin line through the strengths of one defence."""
    families: dict[str, list[Candidate]] = {}
    for one in found:
        if one.condition.first.strength is not None:
            families.setdefault(one.condition.first.defence_names, []).append(one)
    for family, members in families.items():
        order = sorted(members, key=lambda one: one.condition.first.strength or 0.0)
        axes.plot(
            [one.utility.value for one in order],
            [one.attack.value for one in order],
            color=INK[marks[family].ink],
            linewidth=0.8,
            dashes=(1.5, 1.5),
            zorder=1.6,
        )


def _draw_candidate(axes: Axes, one: Candidate, mark: Mark) -> None:
    colour = INK[mark.ink]
    x, y = one.utility, one.attack
    faint = 0.35 if one.status == "dominated" else 0.6
    for ends, along_x in ((x, True), (y, False)):
        if ends.low is None or ends.high is None:
            continue
        span, still = [ends.low, ends.high], [y.value, y.value] if along_x else [x.value, x.value]
        axes.plot(
            *((span, still) if along_x else (still, span)),
            color=colour,
            linewidth=1.1,
            alpha=faint,
            zorder=2,
            solid_capstyle="butt",
        )
    hollow = one.status != "frontier"
    axes.plot(
        [x.value],
        [y.value],
        mark.shape,
        color=colour,
        # Hollow markers are filled with the ground, so that no line shows through.
        markerfacecolor="#ffffff00" if hollow else colour,
        markersize=11 if mark.shape == "*" else 6.5,
        markeredgewidth=1.4,
        alpha=0.6 if one.status == "dominated" else 1.0,
        zorder=3,
    )


def _limits(axes: Axes, found: Sequence[Candidate], strength: str) -> None:
    """All intervals, as far as they do not drown the points; and chance."""
    chance = 0.5 if strength == "auc" else 0.01
    for set_limits, values, also in (
        (axes.set_xlim, [one.utility for one in found], ()),
        (axes.set_ylim, [one.attack for one in found], (chance,)),
    ):
        points = [one.value for one in values] + list(also)
        spread = max(max(points) - min(points), 0.02)
        low = max(min(_ends(values, low=True) + list(also)), min(points) - spread)
        high = min(max(_ends(values, low=False) + list(also)), max(points) + spread)
        slack = 0.09 * (high - low)
        set_limits(low - slack, high + slack)


def _ends(values: Sequence[Estimate], *, low: bool) -> list[float]:
    ends = [(one.low if low else one.high) for one in values]
    return [one.value if end is None else end for one, end in zip(values, ends, strict=True)]


def _name_points(axes: Axes, found: Sequence[Candidate]) -> None:
    """Put each name where it covers neither another nor a marker, with a line if it is far off."""
    canvas = axes.figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    scale = axes.figure.dpi / 72
    spots = axes.transData.transform([(one.utility.value, one.attack.value) for one in found])
    bars = [box for one in found for box in _bars(axes, one, scale)]
    taken = [
        Bbox.from_bounds(x - 5 * scale, y - 5 * scale, 10 * scale, 10 * scale) for x, y in spots
    ]
    frame = axes.get_window_extent(renderer)
    # The crowded ones first: they have the least choice.
    crowd = [np.hypot(*(spots - spot).T).mean() for spot in spots]
    for place in np.argsort(crowd, kind="stable"):
        one, (x, y) = found[place], spots[place]
        text = one.label if len(one.label) <= _LONGEST else one.label[: _LONGEST - 1] + "…"
        label = axes.text(0, 0, text, fontsize=8.2, transform=axes.transAxes, zorder=5)
        size = label.get_window_extent(renderer)
        box, away = _free(x, y, size.width + 4 * scale, size.height, taken, bars, frame, scale)
        # As shares of the axes: a saved figure has another resolution than this one.
        corner = axes.transAxes.inverted().transform((box.x0 + 2 * scale, box.y0))
        label.set(position=corner, verticalalignment="bottom")
        taken.append(box)
        if away > 14 * scale:
            near = (np.clip(x, box.x0, box.x1), np.clip(y, box.y0, box.y1))
            inverse = axes.transData.inverted()
            ends = inverse.transform([(x, y), near])
            axes.plot(*ends.T, color=INK["muted"], linewidth=0.6, zorder=1.8)


def _free(
    x: float,
    y: float,
    width: float,
    height: float,
    taken: Sequence[Bbox],
    bars: Sequence[Bbox],
    frame: Bbox,
    scale: float,
) -> tuple[Bbox, float]:
    """The best place for a box beside a point, and how far off it is.

    Covering names and markers weighs most, leaving the axes more, crossing bars less; and nearer
    is better. Areas and lengths are in pixels.
    """
    best: tuple[float, Bbox, float] | None = None
    for ring in range(1, 14):
        gap = (4 + 4 * ring) * scale
        for turn in range(16):
            angle = 2 * np.pi * turn / 16
            dx, dy = np.cos(angle), np.sin(angle)
            left = x + gap * dx + (width * (dx - 1)) / 2
            bottom = y + gap * dy + (height * (dy - 1)) / 2
            box = Bbox.from_bounds(left, bottom, width, height)
            covered = sum(_overlap(box, other) for other in taken)
            outside = width * height - _overlap(box, frame)
            crossed = sum(_overlap(box, bar) for bar in bars)
            cost = 10 * covered + 30 * outside + crossed + 4 * gap
            if best is None or cost < best[0]:
                best = (cost, box, gap)
    assert best is not None
    return best[1], best[2]


def _bars(axes: Axes, one: Candidate, scale: float) -> list[Bbox]:
    """Where its two intervals are drawn."""
    boxes = []
    for along, still, flip in ((one.utility, one.attack, False), (one.attack, one.utility, True)):
        if along.low is None or along.high is None:
            continue
        ends = [(along.low, still.value), (along.high, still.value)]
        (x0, y0), (x1, y1) = axes.transData.transform([e[::-1] if flip else e for e in ends])
        boxes.append(Bbox([[min(x0, x1), min(y0, y1)], [max(x0, x1), max(y0, y1)]]).padded(scale))
    return boxes


def _overlap(one: Bbox, other: Bbox) -> float:
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(max(width, 0.0) * max(height, 0.0))


_HALO = "text{paint-order:stroke;stroke:#fff;stroke-width:2.5px;stroke-linejoin:round}"
"""Keeps names readable where they cross a line."""


def standalone(svg: Markup) -> str:
    """The figure as a file of its own, in the colours of the light page on a white ground."""
    css = resources.files("pixleak.report.html").joinpath("templates/report.css").read_text("utf-8")
    light = css[: css.index("@media")]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    text = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], str(svg))
    ground = f'<style>{_HALO}</style><rect width="100%" height="100%" fill="#ffffff"/>'
    head, rest = text.split(">", 1)
    return f'{head} font-family="system-ui, sans-serif">{_after_titles(rest, ground)}\n'


def _after_titles(rest: str, ground: str) -> str:
    """Put the ground after title and description, which must come first to be read out."""
    cut = rest.index("</desc>") + len("</desc>")
    return rest[:cut] + ground + rest[cut:]
