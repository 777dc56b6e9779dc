"""Drawings of a study's page, and the same as files of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from pixleak.analyses.drawing.svg import inline_svg
from pixleak.results.numbers import plain

SHAPES = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")
"""Shapes of markers."""


@dataclass(frozen=True)
class Drawing:
    """A drawing of the page, also saved as a file: ``name`` with the ending ``.svg``."""

    name: str
    svg: Markup
    caption: str


def finish(figure: Figure, *, name: str, title: str, description: str) -> Drawing:
    """The drawing of a figure, with a title and a description that screen readers read out.

    Its name is unique on the page, as :func:`slug` makes it.
    """
    svg = inline_svg(figure, name=name, title=title, description=description)
    return Drawing(name, svg, title)


def label_ticks(axis: Axis, written: Callable[[float], str] = plain) -> None:
    """Write the numbers of an axis as everywhere on the page."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: written(round(value, 9))))


def shorten(text: str, most: int) -> str:
    """The text, cut to a number of characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def slug(*parts: str) -> str:
    """``"grid-type-i-unet"``: a name for a file."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


_HALO = "text{paint-order:stroke;stroke:#fff;stroke-width:2.5px;stroke-linejoin:round}"
"""Keeps labels readable where they cross a line."""


def standalone(svg: Markup) -> str:
    """A drawing as a file of its own, in the colours of the light page on a white ground."""
    css = resources.files("pixleak.report.html").joinpath("templates/report.css").read_text("utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[: css.index("@media")]))
    text = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], str(svg))
    ground = f'<style>{_HALO}</style><rect width="100%" height="100%" fill="#ffffff"/>'
    head, rest = text.split(">", 1)
    # Title and description must come first to be read out.
    titles, drawn = rest.split("</desc>", 1)
    return f'{head} font-family="system-ui, sans-serif">{titles}</desc>{ground}{drawn}\n'
