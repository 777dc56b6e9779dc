"""The command line as a user runs it: a whole audit on generated images, and what reads it again.

The audit runs in a process of its own. Other commands run in this one, since a process spends
several seconds on its imports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from jsonschema import Draft202012Validator

from pixleak.analyses.exposed_records import Exposures
from pixleak.analyses.walk import result_schema
from pixleak.results.audit import Result
from private_copies import left_behind
from small_audit import SMALL, invoke


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished small audit."""
    folder = tmp_path_factory.mktemp("audit")
    config = folder / "audit.yaml"
    config.write_text(yaml.safe_dump(SMALL))
    done = subprocess.run(
        [sys.executable, "-m", "pixleak", "audit", config, "--out", "run", "--set", "seed=1"],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        env={
            **os.environ,
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "140",
            "PIXLEAK_WORKERS": "1",
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Report:" in done.stdout
    return folder / "run"


def test_a_run_folder_is_whole(finished: Path) -> None:
    result = Result.read(finished)
    content = json.loads((finished / "result.json").read_text())
    Draft202012Validator(result_schema()).validate(content)
    assert result.title == "A <small> audit"
    assert result.seeds["seed"] == 1
    assert yaml.safe_load((finished / "config.yaml").read_text())["seed"] == 1
    assert result.split is not None
    assert set(result.split.counts.values()) == {24, 0}
    assert result.split.counts["population"] == result.split.counts["canaries"] == 0
    rows = (finished / "split.csv").read_text().splitlines()
    assert rows[0].startswith("id,role")
    assert len(rows) == 97
    assert {"target", "shadow", "untrained"} == {model.name for model in result.models}
    for model in result.models[:2]:
        assert model.weights is not None
        assert (finished / model.weights).is_file()
    assert not left_behind()


def test_every_attack_has_its_interval_its_control_and_one_row_a_record(finished: Path) -> None:
    result = Result.read(finished)
    signals = {attack.signal for attack in result.attacks}
    assert {
        "cross-entropy", "dice-loss", "type-i-logistic", "type-ii-logistic", "type-ii-network",
        "loss-map-patches",
    } <= signals  # fmt: skip
    scores = pq.read_table(finished / "scores.parquet")
    for attack in result.attacks:
        assert attack.auc.low <= attack.auc.value <= attack.auc.high
        assert attack.control_auc is not None
        assert [rate.fpr for rate in attack.tpr_at_fpr] == [0.1, 0.01, 0.001]
        assert [rate.resolvable for rate in attack.tpr_at_fpr] == [True, False, False]
        mine = (pc.field("signal") == attack.signal) & (pc.field("kind") == "attack")
        rows = scores.filter(mine)
        assert len(rows) == len(set(rows["id"].to_pylist())) == 48
        assert rows["score"].null_count == attack.not_measured
    assert {control.name for control in result.controls} == {
        "image-dependence",
        "blind-baseline",
        "correlated-records",
        "member-placebo",
        "trained-elsewhere",
        "untrained-model",
        "working-target",
    }


def test_pictures_of_the_most_and_least_exposed_records_are_kept(finished: Path) -> None:
    exposures = Result.read(finished).section(Exposures)
    assert exposures is not None
    assert [(e.side, e.rank) for e in exposures.records] == [
        ("most", 1), ("most", 2), ("most", 3), ("least", 1), ("least", 2), ("least", 3),
    ]  # fmt: skip
    with np.load(finished / "exhibits.npz") as arrays:
        for exposure in exposures.records:
            k = exposure.exhibit
            assert arrays[f"image/{k}"].shape == arrays[f"loss/{k}"].shape == (32, 32)
            assert arrays[f"truth/{k}"].dtype == np.int16


def test_the_same_command_again_uses_what_is_there_and_says_the_same(finished: Path) -> None:
    before = Result.read(finished)
    weights = [finished / str(m.weights) for m in before.models if m.weights is not None]
    written = [path.stat().st_mtime_ns for path in weights]
    config = finished.parent / "audit.yaml"
    done = invoke("audit", config, "--out", finished, "--set", "seed=1")
    assert done.exit_code == 0, done.stderr
    after = Result.read(finished)
    assert [path.stat().st_mtime_ns for path in weights] == written
    assert after.attacks == before.attacks
    assert after.verdict == before.verdict


def test_the_report_is_made_again_from_the_saved_run_alone(finished: Path) -> None:
    page = finished / "report.html"
    page.unlink()
    done = invoke("report", finished)
    assert done.exit_code == 0, done.stderr
    assert "A &lt;small&gt; audit" in page.read_text()


def test_scores_from_a_file_are_evaluated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["id,score,member"]
    lines += [f"r{i},{rng.normal() + 2 * (i < 100)},{int(i < 100)}" for i in range(200)]
    (tmp_path / "scores.csv").write_text("\n".join(lines))
    done = invoke("evaluate", tmp_path / "scores.csv", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert Result.read(tmp_path / "run").verdict.answer == "leak"
    assert (tmp_path / "run" / "report.html").is_file()


def test_init_writes_a_configuration_that_is_valid_and_is_not_overwritten(
    tmp_path: Path,
) -> None:
    assert invoke("init", tmp_path / "mine.yaml").exit_code == 0
    (tmp_path / "mine.yaml").write_text("title: edited")
    again = invoke("init", tmp_path / "mine.yaml")
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert (tmp_path / "mine.yaml").read_text() == "title: edited"


def test_list_names_every_family() -> None:
    done = invoke("list")
    assert done.exit_code == 0, done.stderr
    for name in ("cross-entropy", "type-ii-network", "threshold", "kvasir-seg", "smp-unet"):
        assert name in done.stdout


@pytest.mark.parametrize(
    "args", [("--help",), ("audit", "--help"), ("--version",), ("data", "--help")]
)
def test_help_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    code = (
        "import sys, pixleak.cli.app\n"
        f"sys.argv = ['pixleak', *{args!r}]\n"
        "try:\n    pixleak.cli.app.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'monai', 'sklearn', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
