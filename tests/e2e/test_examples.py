"""The examples run as they stand."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pixleak.results.audit import Result
from small_audit import invoke

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a script in this process, since another one would spend seconds on its imports."""

    def call(script: Path, *args: str | Path) -> str:
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, args)])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    return call


@pytest.mark.slow
def test_own_model(repo: Path, tmp_path: Path, run: Run) -> None:
    said = run(repo / "examples" / "own_model.py", tmp_path / "run", "2")
    assert "Report:" in said
    result = Result.read(tmp_path / "run")
    assert all(attack.control_auc is not None for attack in result.attacks)
    assert (tmp_path / "run" / "report.html").is_file()


def test_scores(repo: Path, run: Run) -> None:
    assert "LEAK" in run(repo / "examples" / "scores.py")


@pytest.mark.slow
def test_kvasir_on_the_real_images(
    repo: Path, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    audit_briefly(repo, tmp_path, "kvasir", shared_data("kvasir-seg"))
    result = Result.read(tmp_path / "run")
    assert result.records is not None
    assert result.records.image_shape == [3, 32, 32]


@pytest.mark.slow
def test_camvid_on_the_real_images(
    repo: Path, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    audit_briefly(repo, tmp_path, "camvid", shared_data("camvid"), "target.recipe.network=tiny")
    result = Result.read(tmp_path / "run")
    assert result.records is not None
    assert result.records.truth["classes"] == 11


def audit_briefly(repo: Path, tmp_path: Path, name: str, root: Path, *more: str) -> None:
    """The example's own path through the code, with less training and smaller images."""
    small = [
        "records.size=[32, 32]",
        "target.recipe.epochs=1",
        *more,
        "attacker.learned=[type-ii-logistic]",
    ]
    split = ["split.target_members=30", "split.shadow_members=30", "split.block=3", "split.gap=1"]
    settings = [f"records.root={root}", *small, *split, "evaluation.replicates=100"]
    overrides = [part for setting in settings for part in ("--set", setting)]
    config = repo / "examples" / f"{name}.yaml"
    ran = invoke("audit", config, "--out", tmp_path / "run", *overrides)
    assert ran.exit_code == 0, ran.output
