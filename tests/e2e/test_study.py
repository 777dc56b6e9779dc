"""A study as a user runs it: planned, run, killed, resumed, extended, and with mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner, Result

from pixleak.cli.app import app
from pixleak.results.audit import Result as AuditResult
from pixleak.studies.summary.study_result import StudyResult
from private_copies import left_behind

STUDY: dict[str, Any] = {
    "title": "Toy",
    "base": {
        "records": {"reader": "phantom", "count": 60, "size": 16, "seed": 2},
        "target": {"recipe": {"network": "tiny", "epochs": 4, "lr": 0.01}},
        "attacker": {"learned": ["type-i-logistic"]},
        "evaluation": {"replicates": 100},
    },
    "axes": {"defence": ["none", {"name": "rounding", "options": {"decimals": 1}}], "seed": [0, 1]},
}


def _study(tmp_path: Path, *args: str, study: dict[str, Any] = STUDY) -> Result:
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study))
    return CliRunner().invoke(app, ["study", str(file), "--out", str(tmp_path / "out"), *args])


def _models(folder: Path) -> dict[str, float]:
    """Content address of each trained model -> when it was written."""
    found = (folder / "artefacts" / "model").glob("*/weights.safetensors")
    return {path.parent.name: path.stat().st_mtime for path in found}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study's file, with the study in ``out``."""
    folder = tmp_path_factory.mktemp("study")
    done = _study(folder)
    assert done.exit_code == 0, done.output
    return folder


def test_models_shared_between_cells_are_trained_once(finished: Path) -> None:
    out = finished / "out"
    result = StudyResult.read(out)
    assert [(axis.name, [level.label for level in axis.levels]) for axis in result.axes] == [
        ("defence", ["none", "rounding-1"]),
        ("seed", ["0", "1"]),
    ]
    assert [cell.status for cell in result.cells] == ["finished"] * 4
    # Two seeds, a target and a shadow each; rounding changes answers, not weights.
    assert len(result.models) == len(_models(out)) == 4
    assert {len(model.cells) for model in result.models} == {2}
    assert {name for model in result.models for name in model.roles} == {"target", "shadow"}
    seconds = sum(float(model.seconds) for model in result.models)
    assert result.timings["training"] == pytest.approx(seconds, abs=1e-3)
    assert {"inference", "attack-training", "evaluation"} <= set(result.timings)
    # Private images are not left behind.
    assert not left_behind()
    # Each cell is a whole run folder, whose files are found from there.
    for cell in result.cells:
        audit = AuditResult.read(out / cell.folder)
        target = audit.models[0]
        assert target.weights is not None
        assert (out / cell.folder / target.weights).is_file()
        assert (out / cell.folder / "label.txt").read_text().strip() == cell.label


def test_the_tidy_table_has_one_row_per_cell_and_attack(finished: Path) -> None:
    out = finished / "out"
    rows = pq.read_table(out / "study.parquet").to_pylist()
    results = {c.id: AuditResult.read(out / c.folder) for c in StudyResult.read(out).cells}
    assert len(rows) == sum(len(result.attacks) for result in results.values())
    for row in rows:
        audit = results[row["cell"]]
        (attack,) = (
            a for a in audit.attacks if (a.name, a.signal) == (row["attack"], row["signal"])
        )
        assert row["auc"] == attack.auc.value
        assert row["axis:seed"] == str(row["seed"])
        assert row["training_seconds"] == audit.models[0].seconds
        assert row["inference_seconds"] > 0
        (dice, miou) = audit.models[0].utility
        assert dice.heldout is not None
        assert row["utility_heldout"] == dice.heldout.value
        assert miou.heldout is not None
        assert row["miou_heldout_low"] == miou.heldout.low
        assert row["loo_auc"] is None
        if row["tp"] is not None:
            assert row["tp"] + row["fn"] == row["members"]
    rounded = [row for row in rows if row["defence"] == "rounding-1"]
    assert {row["strength"] for row in rounded} == {1.0}
    assert {row["defence_names"] for row in rounded} == {"rounding"}
    assert {row["strength"] for row in rows if row["defence"] == "none"} == {None}
    defaults = [row for row in rows if row["default"]]
    assert len(defaults) == 4


def test_a_second_time_nothing_is_computed_and_a_new_cell_trains_only_itself(
    finished: Path,
) -> None:
    out = finished / "out"
    before = _models(out)
    written = {p: p.stat().st_mtime for p in (out / "cells").glob("*/result.json")}
    again = _study(finished)
    assert again.exit_code == 0, again.output
    assert _models(out) == before
    assert {p: p.stat().st_mtime for p in (out / "cells").glob("*/result.json")} == written
    assert not (out / "earlier").exists()
    first = StudyResult.read(out)
    wider = STUDY | {"axes": STUDY["axes"] | {"seed": [0, 1, 2]}}
    told = _study(finished, "--plan", study=wider)
    assert "6 " in told.output
    assert "4 finished already" in told.output
    assert "2 cells" in " ".join(told.output.split())
    assert _models(out) == before
    grown = _study(finished, study=wider)
    assert grown.exit_code == 0, grown.output
    after = _models(out)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2
    assert {p: p.stat().st_mtime for p in written} == written
    assert len(StudyResult.read(out).cells) == 6
    (kept,) = (out / "earlier").iterdir()
    assert kept.name == first.created[:19].replace(":", "-")
    assert StudyResult.read(kept) == first
    assert pq.read_table(kept / first.file)["axis:seed"].unique().to_pylist() == ["0", "1"]
    assert (kept / "study.html").is_file()


def test_a_plan_trains_nothing(tmp_path: Path) -> None:
    told = _study(tmp_path, "--plan")
    assert told.exit_code == 0, told.output
    words = " ".join(told.output.split())
    assert "cells 4" in words
    assert "trainings 4 distinct, for 8 models in the cells" in words
    assert "trainings about" in words
    assert _models(tmp_path / "out") == {}
    assert not (tmp_path / "out" / "study.json").exists()


def test_a_killed_study_resumes_and_ends_with_the_same_result(
    finished: Path, tmp_path: Path
) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "pixleak", "study", str(file), "--out", str(out), "--workers", "0"],
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not list(out.glob("cells/*/result.json")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "study.json").exists()
    models = _models(out)
    done = {p: p.stat().st_mtime for p in out.glob("cells/*/result.json")}
    assert len(models) == 4
    assert 1 <= len(done) < 4
    again = _study(tmp_path)
    assert again.exit_code == 0, again.output
    assert _models(out) == models
    assert {p: p.stat().st_mtime for p in done} == done
    here, there = StudyResult.read(out), StudyResult.read(finished / "out")
    ids = {cell.id for cell in here.cells}
    assert ids <= {cell.id for cell in there.cells}
    for cell in ids:
        one, other = (AuditResult.read(f / "cells" / cell) for f in (out, finished / "out"))
        assert one.attacks == other.attacks
        assert one.models[0].utility == other.models[0].utility


def test_a_cell_that_fails_is_named_and_the_others_are_run(tmp_path: Path) -> None:
    lrs = {"usual": {}, "wild": {"target": {"recipe": {"lr": 1e30, "loss": "ce"}}}}
    done = _study(tmp_path, study=STUDY | {"axes": {"rate": lrs, "seed": [0]}})
    assert done.exit_code == 2
    assert "cell 'wild, seed 0': training the target: training diverged" in done.output
    result = StudyResult.read(tmp_path / "out")
    assert [(cell.label, cell.status) for cell in result.cells] == [
        ("usual, seed 0", "finished"),
        ("wild, seed 0", "failed"),
    ]
    assert "use a lower learning rate" in (result.cells[1].error or "")
    cells = set(pq.read_table(tmp_path / "out" / "study.parquet")["cell"].to_pylist())
    assert cells == {result.cells[0].id}


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (
            {"defence": ["argmx"]},
            "cell 'argmx': target.defences: unknown name 'argmx' among the defences",
        ),
        ({"training-size": [9]}, "cell 'training size 9': there are 9 target members"),
        ({"training-size": [90]}, "cell 'training size 90': phantom: the split asks for 360"),
    ],
)
def test_nothing_is_run_before_every_cell_is_valid(
    axes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    done = _study(tmp_path, study=STUDY | {"axes": axes})
    assert done.exit_code == 2
    assert words in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


def test_the_saved_study_is_strict(finished: Path, tmp_path: Path) -> None:
    content = json.loads((finished / "out" / "study.json").read_text())
    (tmp_path / "study.json").write_text(json.dumps(content | {"more": 1}))
    from pixleak.core.errors import InputError

    with pytest.raises(InputError, match="run the study again"):
        StudyResult.read(tmp_path)
