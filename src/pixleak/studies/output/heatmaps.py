"""Figures of the other axes: victims and shadows, training sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pixleak.analyses.drawing.svg import INK, inline_svg, style
from pixleak.results.numbers import area, plain
from pixleak.studies.output.figures import SHAPES
from pixleak.studies.summary.seeds import Estimate


def grid_figure(
    figures: Mapping[tuple[str, str], Estimate],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    name: str,
    title: str,
) -> Markup:
    """AUC by victim (rows) and shadow (columns): the darker, the stronger; with the number.

    Args:
        figures: (victim, shadow) -> AUC; those that are missing are left blank.
        rows: victims.
        columns: shadows.
        name: unique on the page.
        title: for screen readers.
    """
    with style():
        height = 0.55 * len(rows) + 0.75
        figure = Figure(figsize=(4.4, height))
        axes = figure.add_axes((0.27, 0.42 / height, 0.71, 1 - 0.75 / height))
        axes.grid(visible=False)
        for (victim, shadow), found in figures.items():
            x, y = columns.index(shadow), rows.index(victim)
            share = min(max((found.value - 0.5) / 0.5, 0.0), 1.0)
            axes.fill_between(
                [x - 0.48, x + 0.48],
                y - 0.46,
                y + 0.46,
                color=INK["series-1"],
                alpha=0.05 + 0.45 * share,
                linewidth=0,
            )
            axes.text(x, y - 0.1, area(found.value), ha="center", va="center", fontsize=9.5)
            if found.low is not None and found.high is not None:
                ends = f"{area(found.low)}–{area(found.high)}"
                axes.text(x, y + 0.24, ends, ha="center", va="center", fontsize=6.8)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.set_xticks(range(len(columns)), [_short(c, 16) for c in columns])
        axes.set_yticks(range(len(rows)), [_short(r, 16) for r in rows])
        axes.set(xlabel="Shadow", ylabel="Victim")
        for spine in axes.spines.values():
            spine.set_visible(False)
    return inline_svg(
        figure,
        name=name,
        title=title,
        description="; ".join(
            f"victim {victim}, shadow {shadow}: {area(found.value)}"
            for (victim, shadow), found in figures.items()
        ),
    )


def size_figure(lines: Mapping[str, Mapping[float, Estimate]], *, name: str, title: str) -> Markup:
    """AUC by number of training records, a line an attack, with intervals.

    Args:
        lines: attack -> training records -> AUC.
        name: unique on the page.
        title: for screen readers.
    """
    with style():
        figure = Figure(figsize=(4.7, 3.2))
        axes = figure.add_axes((0.11, 0.145, 0.6, 0.83))
        sizes = sorted({size for line in lines.values() for size in line})
        step = (sizes[-1] - sizes[0]) * 0.008
        ends = {}
        for place, (label, line) in enumerate(lines.items()):
            colour, shape = INK[f"series-{place % 5}"], SHAPES[place % len(SHAPES)]
            xs = [x + step * (place - (len(lines) - 1) / 2) for x in sorted(line)]
            found = [line[size] for size in sorted(line)]
            axes.plot(xs, [one.value for one in found], color=colour, linewidth=1.4)
            for x, one in zip(xs, found, strict=True):
                if one.low is not None and one.high is not None:
                    axes.plot([x, x], [one.low, one.high], color=colour, linewidth=1.0, alpha=0.7)
                axes.plot([x], [one.value], shape, color=colour, markersize=5)
            ends[label] = found[-1].value
        axes.axhline(0.5, color=INK["muted"], linewidth=0.8, dashes=(3, 3))
        axes.set(xlabel="Training records", ylabel="AUC")
        axes.set_xticks(sizes, [plain(size, 6) for size in sizes])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(round(value, 9))))
        low, high = axes.get_ylim()
        axes.set_ylim(low, high)
        for label, y in _spread(ends, 0.075 * (high - low)):
            number = list(lines).index(label)
            axes.annotate(
                _short(label, 20),
                (1.03, (y - low) / (high - low)),
                xycoords="axes fraction",
                va="center",
                fontsize=8.2,
                color=INK[f"series-{number % 5}"],
                annotation_clip=False,
            )
    return inline_svg(
        figure,
        name=name,
        title=title,
        description="; ".join(
            f"{label}: "
            + ", ".join(f"{area(line[size].value)} at {plain(size, 6)}" for size in sorted(line))
            for label, line in lines.items()
        ),
    )


def _spread(ends: Mapping[str, float], gap: float) -> list[tuple[str, float]]:
    """Heights at which labels stand clear of one another."""
    placed: list[tuple[str, float]] = []
    for label, y in sorted(ends.items(), key=lambda item: item[1]):
        placed.append((label, max(y, placed[-1][1] + gap) if placed else y))
    return placed


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
