from __future__ import annotations

from pathlib import Path

from made_studies import MadeStudy
from pixleak.studies.output.drawing import standalone
from pixleak.studies.output.frontier_figure import family_markers, frontier_figure
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.frontier import find_candidates, utility_measures


def test_no_two_defences_are_drawn_alike() -> None:
    names = ["", *(f"d{k}" for k in range(30))]
    markers = family_markers(names)
    assert len({(one.ink, one.shape) for one in markers.values()}) == len(names)
    # The undefended model's shape is its own.
    assert [name for name, one in markers.items() if one.shape == "*"] == [""]


def test_every_defence_is_named_in_the_figure(tmp_path: Path) -> None:
    made = MadeStudy(half=0.01)
    for k in range(12):
        levels = {"defence": f"some-defence-{k}"}
        made.cell(levels, {"LiRA": 0.6 + 0.003 * (k % 4)}, 0.8 + 0.004 * (k // 4))
    group = find_conditions(made.read(tmp_path))
    found = find_candidates(group, utility_measures(group)[0])
    drawing = frontier_figure(found, "auc", name="f", title="t", acceptable=0.6)
    assert (drawing.name, drawing.caption) == ("f", "t")
    assert all(one.label in drawing.svg for one in found)
    assert standalone(drawing.svg).count("<svg") == 1
