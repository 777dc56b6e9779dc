"""What the report says of a generator."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.report.runs import HOSTILE, RunFactory

from pixleak.core.errors import InputError
from pixleak.report.folder import read_run
from pixleak.report.html.hardness import difficulty_panels
from pixleak.report.html.render import render


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return RunFactory("leak", seed=6).as_generator().write(tmp_path / "run")


def test_every_difficulty_has_its_panel(folder: Path) -> None:
    panels = difficulty_panels(read_run(folder))
    assert [panel.title for panel in panels][:2] == ["Total-variation", "Features"]
    assert len(panels) == 3
    assert all(panel.correlation > 0.2 for panel in panels)
    assert panels[0].svg.count("<svg") == 1


def test_the_page_speaks_of_errors_and_outputs(folder: Path) -> None:
    page = render(folder).read_text(encoding="utf-8")
    for words in (
        "Error and difficulty",
        "mean L1 error 0.031",
        "L1 error, held out",
        ">Output<",
        ">Error<",
        "Colours of the error maps",
        "Outputs of the target on four of its training records",
        "an input and its true output",
    ):
        assert words in page, words
    assert "Dice" not in page.split('<h2 id="models">')[1].split("</table>")[0]
    assert HOSTILE not in page


def test_without_its_signals_there_is_no_such_section(folder: Path) -> None:
    (folder / "signals.parquet").unlink()
    (folder / "training.png").unlink()
    page = render(folder).read_text(encoding="utf-8")
    assert "Error and difficulty" not in page
    assert 'class="training"' not in page


def test_difficulty_that_does_not_vary_is_not_drawn(folder: Path) -> None:
    table = pq.read_table(folder / "signals.parquet")
    flat = pa.array([0.5] * len(table))
    at = table.column_names.index("difficulty-features")
    pq.write_table(table.set_column(at, "difficulty-features", flat), folder / "signals.parquet")
    assert len(difficulty_panels(read_run(folder))) == 2


def test_damaged_files_are_named(folder: Path) -> None:
    (folder / "training.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"training\.png cannot be read"):
        read_run(folder)
    (folder / "training.png").unlink()
    (folder / "signals.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"signals\.parquet cannot be read"):
        read_run(folder)
