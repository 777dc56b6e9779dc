from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from matplotlib.figure import Figure

from pixleak.analyses.drawing.svg import INK, inline_svg, style


def draw(name: str, title: str = "a title") -> str:
    with style():
        figure = Figure(figsize=(2, 1))
        axes = figure.add_subplot()
        (line,) = axes.plot([0, 1], [0, 1.23456789], color=INK["series-0"])
        line.set_gid("curve-3")
        axes.fill_between([0, 1], [0, 0], [1, 1], color=INK["member"], alpha=0.2)
        axes.set(xlabel=r"$\frac and < & >", ylabel="up")
    return inline_svg(figure, name=name, title=title, description="what it shows")


def test_all_colours_come_from_the_page() -> None:
    svg = draw("one")

    assert "var(--series-0)" in svg
    assert "var(--member)" in svg
    assert "var(--grid)" in svg
    assert not re.search(r"#[0-9a-f]{6}\b", svg)


def test_ids_are_unique_on_a_page_and_all_references_resolve() -> None:
    page = f"<div>{draw('one')}{draw('two')}</div>"

    root = ET.fromstring(page)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page)
    labels = re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', page)
    wanted = {a or b for a, b in references} | set(labels)
    assert len(wanted) >= 4
    assert wanted <= set(ids)


def test_text_stays_text_and_is_escaped() -> None:
    svg = draw("one", title="<script>alert(1)</script>")

    assert "<script" not in svg
    assert r"$\frac and &lt; &amp; &gt;" in svg
    assert "font-family" not in svg


def test_nothing_but_the_drawing_is_left() -> None:
    svg = draw("one")

    assert svg.startswith("<svg")
    assert "<metadata" not in svg
    assert "<style" not in svg
    assert 'role="img"' in svg
    assert 'data-curve="3"' in svg
    assert not re.search(r'<svg[^>]* width="', svg)
    assert not re.search(r"\d\.\d{3,}", re.sub(r'(style|id|href)="[^"]*"', "", svg))


def test_the_same_figure_gives_the_same_text() -> None:
    assert draw("one") == draw("one")
