"""Training code of the user's own, from a file and from Python, killed under way and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch import nn

import own_training
import pixleak

TRAIN = """
import os, time
from pathlib import Path
import torch
from own_training import Small, fitted
from torch.utils.data import DataLoader

HERE = Path(__file__).parent


def train(records, seed, progress, folder, wait=0.0):
    said = folder / "begun"
    again = "again" if said.exists() else "begun"
    said.touch()
    with (HERE / "log").open("a") as log:
        log.write(f"{again} {seed}\\n")
    print("training on", len(records))
    time.sleep(wait)
    module, loss = fitted(DataLoader(records, batch_size=8, shuffle=True))
    progress(1, loss)
    with (HERE / "log").open("a") as log:
        log.write(f"done {seed}\\n")
    return module
"""

AUDIT: dict[str, Any] = {
    "records": {"reader": "phantom", "count": 48, "size": 16},
    "target": {"recipe": {"function": "train.py:train"}},
    "attacker": {"learned": ["type-ii-logistic"], "signals": ["cross-entropy"], "attacks": []},
    "references": 4,
    "evaluation": {"replicates": 100},
    "run": {"exhibits": 0, "workers": 1},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(AUDIT))
    return tmp_path


def started(folder: Path, *settings: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(
        [str(Path(own_training.__file__).parent), os.environ.get("PYTHONPATH", "")]
    )
    command = [sys.executable, "-m", "pixleak", "audit", "audit.yaml", "-o", "out"]
    for one in settings:
        command += ["--set", one]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def log_of(folder: Path) -> list[str]:
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


def test_target_shadow_and_references_are_trained_by_a_function_in_python(tmp_path: Path) -> None:
    calls: list[int] = []

    def train(records: Any, seed: int) -> nn.Module:
        calls.append(len(records))
        module, _ = own_training.fitted([batch_of(records)])
        return module

    request = pixleak.AuditRequest(
        **{  # type: ignore[arg-type]
            **AUDIT,
            "target": pixleak.TargetModel(training=train),
            "attacker": {"learned": [], "signals": ["cross-entropy"], "attacks": []},
            "references": 2,
            "run": pixleak.Run(exhibits=0, workers=0),
        }
    )
    report = pixleak.run(request, tmp_path / "out")
    assert calls == [12] * 4
    names = [model.name for model in report.models]
    assert sorted(names) == ["reference-000", "reference-001", "shadow", "target", "untrained"]
    assert report.models[0].description.startswith("function ")
    again = pixleak.run(request, tmp_path / "out")
    assert len(calls) == 4
    assert again.attacks == report.attacks


def batch_of(records: Any) -> Any:
    import torch

    images, labels = zip(*records, strict=True)
    return torch.stack(images), torch.stack(labels)


@pytest.mark.slow
def test_a_killed_audit_repeats_no_finished_training_and_finds_the_folder_again(
    folder: Path,
) -> None:
    process = started(folder, "target.recipe.options={wait: 2.0}")
    until = time.monotonic() + 300
    while sum(line.startswith("begun") for line in log_of(folder)) < 3:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = Counter(line.split()[0] for line in log_of(folder))
    assert before["done"] >= 2
    second = started(folder, "target.recipe.options={wait: 2.0}")
    _, told = second.communicate(timeout=600)
    assert second.returncode == 0, told
    lines = log_of(folder)
    done = Counter(line for line in lines if line.startswith("done"))
    assert len(done) == 6
    assert set(done.values()) == {1}
    assert sum(line.startswith("again") for line in lines) == 1
    assert "target: training on 12" not in told  # it was finished
    assert "reference-003: training on 12" in told
    assert list((folder / "out").rglob("*.partial*")) == []


@pytest.mark.slow
def test_other_options_or_other_code_train_anew_and_the_same_do_not(folder: Path) -> None:
    def run(*settings: str) -> int:
        process = started(folder, "references=null", "attacker.shadow=null", *settings)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told
        return sum(line.startswith("done") for line in log_of(folder))

    settings = ("attacker.learned=[]",)
    assert [run(*settings), run(*settings)] == [1, 1]
    assert run(*settings, "target.recipe.options={wait: 0.01}") == 2
    (folder / "train.py").write_text(TRAIN + "\n# changed\n")
    assert run(*settings) == 3
    found = json.loads((folder / "out" / "result.json").read_text())
    assert found["arguments"]["target"]["recipe"]["function"] == "train.py:train"
