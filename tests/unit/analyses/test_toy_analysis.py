"""An analysis of another package is found in result, terminal, page, run folder and Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import pixleak.core.registry
from pixleak.analyses import ANALYSES
from pixleak.analyses.base import Analysis, Context
from pixleak.analyses.walk import in_order, result_schema
from pixleak.auditing.report import AuditReport
from pixleak.auditing.run import run_plan
from pixleak.core.errors import InputError
from pixleak.pipeline.plan.build import build
from pixleak.report.html.render import render
from pixleak.report.terminal import result_text
from pixleak.request.file import parse_request
from pixleak.results.audit import Result
from pixleak.results.sections import Section
from pixleak.studies.plan.cell_config import CellConfig
from pixleak.studies.run.parquet import rows_of, tidy
from pixleak.studies.summary.study_result import CellInfo

CONFIG = parse_request(
    {
        "records": {"reader": "phantom", "count": 40, "size": 16},
        "target": {"recipe": {"network": "tiny", "epochs": 1}},
        "attacker": {"shadow": None, "signals": ["cross-entropy"]},
        "evaluation": {"replicates": 100},
        "run": {"exhibits": 0},
    }
)


class Tally(Section):
    name = "tally"

    attacks: int
    highest: float


class TallyAnalysis(Analysis[Tally]):
    name = "tally"
    title = "Tally <of attacks>"
    summary = "counts attacks"
    place = 35
    section = Tally
    leaves = ("tally.txt",)
    template = "<p class='tally'>{{ section.highest | area }} {{ words }}</p>"

    def compute(self, context: Context) -> Tally:
        aucs = [attack.auc.value for attack in context.judged.attacks]
        return Tally(attacks=len(aucs), highest=max(aucs))

    def files(self, section: Tally, context: Context) -> Mapping[str, bytes]:
        return {"tally.txt": f"{section.attacks}".encode()}

    def warnings(self, section: Tally) -> Sequence[str]:
        return ("This is a toy.",)

    def sentence(self, section: Tally) -> str:
        return f"{section.attacks} attack ran."

    def view(self, section: Tally, result: Result, folder: Path) -> dict[str, Any]:
        return {"words": f"<{(folder / 'tally.txt').read_text()}>"}

    def columns(self, section: Tally) -> dict[str, str | float | int | bool | None]:
        return {"tally_attacks": section.attacks, "tally_highest": section.highest}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("tally", f"{__name__}:TallyAnalysis", "pixleak.analyses")
    monkeypatch.setattr(EntryPoint, "load", lambda self: TallyAnalysis)
    monkeypatch.setattr(ANALYSES, "_entries", dict(ANALYSES))
    monkeypatch.setattr(ANALYSES, "_plugins_loaded", False)
    monkeypatch.setattr(
        pixleak.core.registry,
        "entry_points",
        lambda group: [point] if group == "pixleak.analyses" else [],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tally")


@pytest.mark.usefixtures("installed")
def test_it_is_part_of_an_audit(folder: Path, tmp_path: Path) -> None:
    result = run_plan(build(CONFIG), folder)
    found = result.section(Tally)
    assert found is not None
    assert found == Tally(attacks=1, highest=result.attacks[0].auc.value)
    assert list(result.sections) == ["subgroups", "tally"][::-1]
    assert result.warnings[-1] == "This is a toy."
    assert Result.read(folder).section(Tally) == found
    assert "tally" in result_schema()["$defs"]["Result"]["properties"]["sections"]["properties"]
    assert "Tally <of attacks>: 1 attack ran." in result_text(result)
    page = render(folder).read_text(encoding="utf-8")
    assert '<a href="#tally">Tally &lt;of attacks&gt;</a>' in page
    assert f"<p class='tally'>{found.highest:.3f} &lt;1&gt;</p>" in page
    AuditReport.of(result, folder=folder).save(tmp_path / "saved")
    assert (tmp_path / "saved" / "tally.txt").read_text() == "1"


@pytest.mark.usefixtures("installed")
def test_only_the_analyses_that_are_named_are_computed(tmp_path: Path) -> None:
    plan = build(CONFIG)
    result = run_plan(replace(plan, analyses=("tally", "canaries")), tmp_path)
    assert list(result.sections) == ["tally"]
    assert "the analysis 'canaries' does not apply to this audit" in result.warnings
    assert run_plan(replace(plan, analyses=()), tmp_path).sections == {}
    with pytest.raises(InputError, match="'taly' among the analyses, did you mean 'tally'"):
        run_plan(replace(plan, analyses=("taly",)), tmp_path)


@pytest.mark.usefixtures("installed")
def test_a_study_has_its_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = Result.read(folder)
    info = CellInfo(
        id="c", label="c", levels={}, folder="c", status="finished", seconds=1.0
    )  # fmt: skip
    table = tidy([(info, CellConfig(CONFIG), result)], [])
    assert table["tally_attacks"].to_pylist() == [1]
    assert table["tally_highest"].to_pylist() == table["auc"].to_pylist()
    monkeypatch.setattr(TallyAnalysis, "columns", lambda self, section: {"auc": 1.0})
    with pytest.raises(InputError, match="writes column 'auc', a name that"):
        rows_of(info, CellConfig(CONFIG), result)


def test_where_it_is_not_installed_one_line_says_so(folder: Path) -> None:
    told = "section 'tally' was written by an analysis that is not installed here."
    result = Result.read(folder)
    assert f"S{told[1:]}" in result_text(result)
    page = render(folder).read_text(encoding="utf-8")
    assert f"S{told[1:]}".replace("'", "&#39;") in page
    assert "<p class='tally'>" not in page
    assert "tally" in Result.read(folder).to_json()


def test_our_analyses_are_named_as_their_sections_and_in_a_fixed_order() -> None:
    assert [(one.place, one.name) for one in in_order()] == [
        (10, "exposed-records"),
        (20, "defences"),
        (30, "references"),
        (40, "leave-one-out"),
        (50, "subgroups"),
        (60, "subjects"),
        (70, "reserve"),
        (80, "canaries"),
        (90, "poison"),
    ]
    assert all(one.title and one.summary for one in in_order())
    with pytest.raises(TypeError, match="'other' and its section 'tally' must have one name"):

        class Other(TallyAnalysis):
            name = "other"
