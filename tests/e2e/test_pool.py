"""An audit with a pool, as a user runs it."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner
from typer.testing import Result as CliResult

import pixleak
from pixleak.analyses.references import ReferencesInfo
from pixleak.analyses.subjects import SubjectLevel
from pixleak.analyses.walk import result_schema
from pixleak.cli.app import app
from pixleak.core.errors import InputError
from pixleak.results.audit import Result
from pixleak.results.sections import Epsilon, LeaveOneOut, Subgroups
from pixleak.training.recipe import Recipe

CONFIG: dict[str, Any] = {
    "title": "A pool",
    "seed": 3,
    "records": {"reader": "phantom", "count": 260, "size": 16, "slices_per_subject": 2},
    "split": {
        "target_members": 40,
        "target_nonmembers": 40,
        "shadow_members": 40,
        "shadow_nonmembers": 40,
        "population": 30,
    },
    "target": {"recipe": {"network": {"name": "tiny"}, "epochs": 3, "lr": 0.01, "batch_size": 8}},
    "attacker": {"learned": ["type-ii-logistic"]},
    "references": {"models": 8},
    "canaries": {"count": 20},
    "evaluation": {"replicates": 100},
    "run": {"exhibits": 1},
}


def _invoke(*arguments: object) -> CliResult:
    """``pixleak ARGUMENTS`` in this process, which has its imports behind it."""
    return CliRunner().invoke(app, list(map(str, arguments)))


def _pixleak(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pixleak", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )


def _written(folder: Path, **changes: Any) -> Path:
    path = folder / "audit.yaml"
    path.write_text(yaml.safe_dump(CONFIG | changes))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pool")
    done = _invoke("audit", _written(folder), "--out", folder / "run")
    assert done.exit_code == 0, done.stderr
    (folder / "run" / "said.txt").write_text(done.stdout)
    return folder / "run"


def test_every_part_is_there(finished: Path) -> None:
    result = Result.read(finished)
    Draft202012Validator(result_schema()).validate(
        json.loads((finished / "result.json").read_text())
    )
    references = result.section(ReferencesInfo)
    assert references is not None
    assert (references.models, references.unit, references.units) == (8, "subject", 40)
    assert references.fidelity is not None
    assert len(references.fidelity.reference_train) == 8
    names = {(a.name, a.signal) for a in result.attacks}
    assert {
        "threshold",
        "learned-residuals",
        "stratified-lira",
        "lira-online",
        "lira-offline",
        "difficulty-calibration",
        "rmia",
        "quantile-regression",
    } == {name for name, _ in names}
    assert ("lira-online", "type-ii-logistic") in names
    assert all(a.control_auc is not None for a in result.attacks)
    spread = result.section(LeaveOneOut)
    assert spread is not None
    assert len(spread.victims) == 8
    assert spread.references == 6
    assert spread.default == "Learned on calibrated residuals"
    assert {s.title for s in spread.attacks} == {a.title for a in result.attacks}
    subgroups = result.section(Subgroups)
    assert subgroups is not None
    assert subgroups.attack == "learned-residuals"
    subjects = result.section(SubjectLevel)
    assert subjects is not None
    assert (subjects.members, subjects.nonmembers) == (20, 20)
    assert subjects.attacks[0].members == 20
    epsilon = result.section(Epsilon)
    assert epsilon is not None
    assert epsilon.canaries == 20
    assert epsilon.attack == "difficulty-calibration"
    assert list(result.sections) == [
        "exposed-records", "references", "leave-one-out", "subgroups", "subjects", "canaries",
    ]  # fmt: skip
    assert {m.name for m in result.models} >= {"target", "shadow", "reference-000", "reference-005"}


def test_who_was_trained_on_what_is_saved(finished: Path) -> None:
    with (finished / "membership.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80
    for row in rows:
        held = [row[f"reference-{i:03d}"] for i in range(8)]
        assert held.count("1") == 4
        assert all(held[i] != held[i + 1] for i in range(0, 8, 2))
    by_unit = {}
    for row in rows:
        by_unit.setdefault(row["unit"], set()).add(tuple(list(row.values())[2:]))
    assert all(len(kinds) == 1 for kinds in by_unit.values())
    table = pq.read_table(finished / "references.parquet")
    member = table.filter(np.asarray(table["model"]) == "reference-002")
    truth = {row["id"]: row["reference-002"] == "1" for row in rows}
    for key, inside in zip(member["id"].to_pylist(), member["member"].to_pylist(), strict=True):
        assert inside == truth.get(key, False)
    scores = pq.read_table(finished / "leave_one_out.parquet")
    assert set(scores["victim"].to_pylist()) == {f"reference-{i:03d}" for i in range(8)}


def test_terminal_and_report_show_it(finished: Path) -> None:
    said = (finished / "said.txt").read_text()
    for words in ("every model as the victim", "Reference models:", "Subgroups:", "Canaries:"):
        assert words in said
    page = (finished / "report.html").read_text()
    for part in ("references", "leave-one-out", "subgroups", "subjects", "canaries"):
        assert f'id="{part}"' in page
    assert "one victim each" in page


@pytest.mark.slow
def test_a_larger_pool_reuses_the_smaller_one(finished: Path, tmp_path: Path) -> None:
    models = finished / "artefacts" / "model"
    before = {path.name: path.stat().st_mtime_ns for path in models.iterdir()}
    config = _written(tmp_path, references={"models": 10, "leave_one_out": False})
    done = _invoke("audit", config, "--out", finished.parent / "run")
    assert done.exit_code == 0, done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in models.iterdir()}
    assert len(after) == len(before) + 2
    assert before.items() <= after.items()
    assert Result.read(finished).section(LeaveOneOut) is None
    assert not (finished / "leave_one_out.parquet").exists()


def _figures(folder: Path) -> str:
    """Everything in a result that must not depend on when and how often it ran."""
    content = json.loads((folder / "result.json").read_text())
    for part in ("created", "seconds", "timings", "environment"):
        del content[part]
    for model in content["models"]:
        del model["seconds"], model["inference_seconds"]
    return json.dumps(content, sort_keys=True)


@pytest.mark.slow
def test_killed_at_random_moments_the_run_ends_with_the_same_result(tmp_path: Path) -> None:
    config = _written(tmp_path)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert _pixleak("audit", config, "--out", whole).returncode == 0
    moments = random.Random(1)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "pixleak", "audit", str(config), "--out", str(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moments.uniform(2.5, 9.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = _pixleak("audit", config, "--out", killed)
    assert done.returncode == 0, done.stderr
    assert _figures(killed) == _figures(whole)


@pytest.mark.slow
def test_an_outsiders_pool_holds_no_audited_record(tmp_path: Path) -> None:
    config = _written(
        tmp_path, references={"models": 6, "records": "own"}, canaries=None, split=CONFIG["split"]
    )
    done = _invoke("audit", config, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    result = Result.read(tmp_path / "run")
    names = {a.name for a in result.attacks}
    assert "learned-residuals" in names
    assert "lira-online" not in names
    assert any("LiRA online was left out" in warning for warning in result.warnings)
    assert result.section(LeaveOneOut) is not None


@pytest.mark.slow
def test_hard_labels_are_calibrated_too(tmp_path: Path) -> None:
    config = _written(
        tmp_path,
        target=CONFIG["target"] | {"access": "label"},
        attacker={"learned": []},
        references={"models": 4},
        canaries=None,
    )
    done = _invoke("audit", config, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    result = Result.read(tmp_path / "run")
    assert ("lira-offline", "label-agreement") in {(a.name, a.signal) for a in result.attacks}
    references = result.section(ReferencesInfo)
    assert references is not None
    assert references.fidelity is not None
    assert references.fidelity.passed is None


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("references.models=7", "references.models: they are drawn in complementary pairs: give 8"),
        ("references.models=300", "references.models"),
        ("attacker.attacks=[lira]", "did you mean 'lira-online'"),
        ("attacker.attacks=[{name: rmia, options: {b: 1}}]", "attack 'rmia' has no option 'b'"),
        ("attacker.attacks=[{name: rmia, signals: [loss]}]", "signal 'loss' is not measured here"),
        ("attacker.attacks=[{name: lira-online, options: {variance: x}}]", "own, pooled or shrunk"),
        ("run.runner=slurm", "there is no runner 'slurm'"),
        ("canaries.kind=odd", "canaries.kind"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path: Path, setting: str, words: str) -> None:
    done = _invoke("audit", _written(tmp_path), "--out", tmp_path / "run", "--set", setting)
    assert done.exit_code == 2, done.stdout
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_from_python() -> None:
    import torch

    records = pixleak.phantom(80, size=16, seed=0)
    ids = records.ids
    recipe = Recipe(network="tiny", epochs=2, lr=0.01)  # type: ignore[arg-type]
    found = pixleak.audit(
        torch.nn.Conv2d(1, 2, 3, padding=1),
        records.select(ids[:30]),
        records.select(ids[30:60]),
        attacker=pixleak.Attacker(
            population=records.select(ids[60:]),
            attacks=["learned-residuals", "quantile-regression"],
        ),
        references=pixleak.References(6, training=recipe),
    )
    assert {"learned-residuals", "quantile-regression"} < {a.name for a in found.attacks}
    references = found.section(ReferencesInfo)
    assert references is not None
    assert references.fidelity is not None
    assert references.fidelity.passed is not None
    with pytest.raises(InputError, match="say how models like it are trained"):
        pixleak.audit(
            torch.nn.Conv2d(1, 2, 3, padding=1),
            records.select(ids[:30]),
            records.select(ids[30:60]),
            references=4,
        )
