"""Whatever kills, damages or fills the disk of a run, the same command ends with one result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def _storm(repo: Path, out: Path, *options: str) -> dict[str, int]:
    script = repo / "benchmarks" / "kill_storm.py"
    done = subprocess.run(
        [sys.executable, str(script), *options, "--out", str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(repo / "src"), *sys.path])},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(out.read_text())
    assert content["failures"] == []
    counts: dict[str, int] = content["all"]
    return counts


@pytest.mark.slow
def test_a_set_test_that_is_killed_or_out_of_space_ends_with_the_same_answer(
    repo: Path, tmp_path: Path
) -> None:
    few = "--renames", "2", "--kills", "1", "--disks", "1"
    counts = _storm(repo, tmp_path / "storm.json", "--works", "set-test", *few)
    assert counts["killed at a rename"] == 2
    assert counts["ended at a random moment"] == 1
    assert counts["out of space"] == 1
    assert counts["compared"] >= 3


@pytest.mark.slow
def test_every_command_that_is_killed_damaged_or_out_of_space_ends_with_the_same_result(
    repo: Path, tmp_path: Path
) -> None:
    few = "--kills", "5", "--disks", "2", "--damages", "6", "--renames", "30", "--seed", "1"
    counts = _storm(repo, tmp_path / "storm.json", *few)
    assert counts["ended at a random moment"] == 25
    assert sum(count for what, count in counts.items() if what.startswith("kept file")) == 12
    assert counts["out of space"] >= 10
