"""Turn a matplotlib figure into SVG that takes its colours and its font from the page around it.

A saved figure has fixed colours, so it suits one background only. Here a figure is
drawn with the placeholder colours of :data:`INK`, which become CSS variables
(``var(--muted)``): one drawing then serves light, dark and paper. Text stays text, ids are made
unique to the figure (several share a page), and what matplotlib adds around the drawing
(metadata, a style that would reach every SVG on the page, a white ground) is left out.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

#: CSS variables that a figure may use as colours, each with the placeholder to draw it in.
INK = {
    name: f"#0a0b{index:02x}"
    for index, name in enumerate(
        (
            "ink",
            "muted",
            "grid",
            "shade",
            "member",
            "nonmember",
            "control",
            *(f"series-{k}" for k in range(5)),
        )
    )
}

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}href"
_STYLE: Any = {  # the type of its keys differs between versions of matplotlib
    "svg.fonttype": "none",  # text as text: selectable, and in the font of the page
    "svg.hashsalt": "pixleak",  # the same run gives the same file
    "path.simplify": True,
    "font.size": 8.6,
    "axes.edgecolor": INK["muted"],
    "axes.labelcolor": INK["ink"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": 8.6,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": INK["grid"],
    "grid.linewidth": 0.7,
    "text.color": INK["ink"],
    "text.parse_math": False,
    "xtick.color": INK["muted"],
    "ytick.color": INK["muted"],
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "xtick.labelsize": 8.2,
    "ytick.labelsize": 8.2,
}


@contextmanager
def style() -> Iterator[None]:
    """The settings that every figure of the report is drawn under."""
    with matplotlib.rc_context(_STYLE):
        yield


def inline_svg(figure: Figure, *, name: str, title: str, description: str) -> Markup:
    """The figure as one ``<svg>`` element to put into a page.

    Args:
        figure: drawn under :func:`style`; artists with a gid ``"curve-3"`` become
            ``<g data-curve="3">``.
        name: unique on the page, prefixed to all ids.
        title: what it is, read out by screen readers.
        description: what it shows, in a sentence or two.
    """
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ET.fromstring(buffer.getvalue())
    _drop_extras(root)
    _unique_ids(root, name)
    for element in root.iter():
        _restyle(element)
    for tag, text in (("desc", description), ("title", title)):
        child = ET.Element(f"{_SVG}{tag}", {"id": f"{name}-{tag}"})
        child.text = text
        root.insert(0, child)
    del root.attrib["version"]
    del root.attrib["width"], root.attrib["height"]
    root.attrib |= {
        "class": "figure",
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-desc",
    }
    ET.register_namespace("", _SVG[1:-1])
    # ElementTree escapes all text, so the markup is safe whatever the title holds.
    return Markup(ET.tostring(root, encoding="unicode").replace("\n", ""))


def _drop_extras(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}metadata" or child.find(f"{_SVG}style") is not None:
                parent.remove(child)
            else:
                child.tail = None
        if parent.tag != f"{_SVG}text":
            parent.text = None if parent.text and not parent.text.strip() else parent.text


def _unique_ids(root: ET.Element, name: str) -> None:
    for element in root.iter():
        own = element.attrib.pop("id", None)
        if own is not None and element.tag == f"{_SVG}g":
            # Groups are named "patch_3" and the like and nothing refers to them.
            if own.startswith("curve-"):
                element.set("data-curve", own.removeprefix("curve-"))
            continue
        if own is not None:
            element.set("id", f"{name}-{own}")
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK).replace("#", f"#{name}-"))
        for key, value in element.attrib.items():
            if "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{name}-"))


def _restyle(element: ET.Element) -> None:
    for key, value in list(element.attrib.items()):
        if key == "transform" and value.startswith("rotate(-0 "):
            del element.attrib[key]
        elif key in ("style", "fill", "stroke"):
            element.set(key, _page_colours(re.sub(r"font-family:[^;]*;?\s*", "", value)))
        elif key != "id":
            two_decimals = re.sub(r"-?\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", value)
            element.set(key, two_decimals)


def _page_colours(value: str) -> str:
    for name, placeholder in INK.items():
        value = value.replace(placeholder, f"var(--{name})")
    return value
