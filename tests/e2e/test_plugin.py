"""A package with one method of each kind is installed, and an audit uses all of them.

The package is the one that the how-to page shows. It is built and installed by pip, so that its
entry points are found as those of any other package.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

import pixleak
from doc_blocks import blocks_of

Pixleak = Callable[..., list[str]]

SCRIPT = """
import json, sys
from typer.testing import CliRunner
from pixleak.cli.app import app

said = []
for arguments in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, arguments)
    if done.exit_code:
        sys.exit(done.output)
    said.append(done.stdout)
print(json.dumps(said))
"""
"""Commands of the command line, one after another in one process, and what each printed."""

NAMES = {
    "readers": "npz",
    "targets": "service",
    "training-methods": "plain-loop",
    "networks": "dilated",
    "signals": "confidence-range",
    "difficulties": "difficulty-contrast",
    "learned-signals": "loss-stump",
    "attacks": "reference-rank",
    "defences": "confidence-cap",
    "poisons": "mirrored-masks",
    "analyses": "score-gap",
}
"""Family -> the method of it that the package brings."""

AUDIT = {
    "records": {"reader": "npz", "path": "records.npz"},
    "split": {"target_members": 24},
    "target": {
        "plain-loop": {"epochs": 4},
        "defences": [{"name": "confidence-cap", "options": {"cap": 4.0}}],
    },
    "attacker": {
        "shadow": {
            "recipe": {"network": {"name": "dilated", "options": {"width": 4}}, "epochs": 2}
        },
        "signals": ["margin", "confidence-range"],
        "learned": ["loss-stump"],
        "difficulties": ["difficulty-contrast"],
        "attacks": [{"name": "reference-rank", "signals": ["log-cross-entropy"]}],
    },
    "references": {"models": 4, "plain-loop": {"epochs": 4}},
    "poison": {"name": "mirrored-masks"},
    "evaluation": {"replicates": 100},
    "run": {"exhibits": 0},
}

FAILING = {
    "npz.py": ("image, labels = ", "1 / 0; image, labels = "),
    "plain_loop.py": ("losses.append(", "losses.append(1 / 0 + "),
    "confidence_range.py": ("confidence = ", "confidence = 1 / 0 + "),
    "contrast.py": ("np.asarray(", "1 / 0 + np.asarray("),
    "loss_stump.py": ("midpoint = (", "midpoint = 1 / 0 + ("),
    "reference_rank.py": ("exceeded = (", "exceeded = 1 / 0 + ("),
    "confidence_cap.py": (".clamp(", ".clamp(1 / 0, "),
    "mirrored_masks.py": ("image, labels.flip(-1)", "image, labels.flip(1 / 0)"),
    "score_gap.py": ("spread = ", "spread = 1 / 0 + "),
}
"""File of a method -> a word of its code, and what makes it fail there."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> Path:
    """A folder with the installed package in ``site``, and records to audit."""
    folder = tmp_path_factory.mktemp("plugin")
    source = folder / "source"
    points = []
    for block in blocks_of(repo / "docs" / "how-to" / "add-a-method.md"):
        if block.file is not None:
            path = source / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
        elif block.language == "toml":
            points.append(block.code)
    (source / "my_package" / "__init__.py").write_text("")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "my-package"\nversion = "1.0"\n' + "\n".join(points)
    )
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--no-build-isolation", "--target", str(folder / "site"), str(source)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    records = pixleak.phantom(120, size=16, label_noise=1.0, seed=0)
    pairs = [records.load(i) for i in range(len(records))]
    np.savez(
        folder / "records.npz",
        ids=np.array(records.ids),
        images=np.stack([image.numpy() for image, _ in pairs]),
        labels=np.stack([labels.numpy() for _, labels in pairs]),
    )
    return folder


@pytest.fixture(scope="module")
def run(place: Path) -> Pixleak:
    """Runs commands where the package is installed."""
    path = os.pathsep.join([str(place / "site"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "COLUMNS": "160"}

    def call(*commands: Sequence[object]) -> list[str]:
        told = json.dumps([list(map(str, command)) for command in commands])
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, told],
            capture_output=True, text=True, env=environment, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said: list[str] = json.loads(done.stdout)
        return said

    return call


@pytest.fixture(scope="module")
def said(place: Path, run: Pixleak) -> tuple[str, str]:
    """What ``list`` and the audit printed."""
    (place / "audit.yaml").write_text(yaml.safe_dump(AUDIT))
    audit = ["audit", place / "audit.yaml", "--out", place / "run"]
    listed, audited = run(["list"], audit)
    return listed, audited


@pytest.fixture(scope="module")
def audited(place: Path, said: tuple[str, str]) -> tuple[Path, str]:
    """The run folder of the audit, and what the terminal said."""
    return place / "run", said[1]


@pytest.fixture
def changed(place: Path, tmp_path: Path) -> Callable[[str, str, str], tuple[int, str]]:
    """Runs the audit with one word of the package replaced: exit status and error output."""

    def call(file: str, word: str, other: str) -> tuple[int, str]:
        site = tmp_path / "site"
        shutil.copytree(place / "site", site)
        code = (site / "my_package" / file).read_text()
        assert word in code
        (site / "my_package" / file).write_text(code.replace(word, other, 1))
        (tmp_path / "audit.yaml").write_text(
            yaml.safe_dump(
                {**AUDIT, "records": {"reader": "npz", "path": str(place / "records.npz")}}
            )
        )
        path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", "pixleak", "audit", "audit.yaml", "--out", "run"],
            capture_output=True, text=True, check=False, timeout=300, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", "PIXLEAK_WORKERS": "0"},
        )  # fmt: skip
        return done.returncode, done.stderr

    return call


@pytest.mark.slow
@pytest.mark.parametrize("file", FAILING)
def test_an_error_in_the_packages_code_is_one_sentence_with_its_line(
    changed: Callable[[str, str, str], tuple[int, str]], file: str
) -> None:
    word, other = FAILING[file]
    status, told = changed(file, word, other)
    assert status == 2, told
    assert "Traceback" not in told
    assert f"{file}, line " in told
    assert "ZeroDivisionError" in told


@pytest.mark.slow
def test_a_package_that_cannot_be_imported_is_named(
    changed: Callable[[str, str, str], tuple[int, str]],
) -> None:
    status, told = changed("reference_rank.py", "from collections", "fom collections")
    assert status == 2, told
    assert "Traceback" not in told
    assert "of the package my-package (entry point 'my_package" in told
    assert "SyntaxError" in told


def test_every_method_is_listed(said: tuple[str, str]) -> None:
    first_words = {line.split(" ")[0] for line in said[0].splitlines()}
    assert set(NAMES.values()) <= first_words


def test_all_of_them_are_in_the_result(audited: tuple[Path, str]) -> None:
    folder, _ = audited
    result = json.loads((folder / "result.json").read_text())
    models = {model["name"]: model for model in result["models"]}
    assert "two convolutions, 4 epochs" in models["target"]["description"]
    references = [one for name, one in models.items() if name.startswith("reference-")]
    assert all("two convolutions, 4 epochs" in one["description"] for one in references)
    assert len(references) == 4
    assert models["shadow"]["recipe"]["network"]["name"] == "dilated"
    assert result["arguments"]["records"]["reader"] == "npz"
    attacks = {(attack["name"], attack["signal"]) for attack in result["attacks"]}
    assert {
        ("threshold", "confidence-range"),
        ("threshold", "loss-stump"),
        ("reference-rank", "log-cross-entropy"),
    } <= attacks
    assert "difficulty-contrast" in {control["name"] for control in result["controls"]}
    sections = result["sections"]
    assert sections["defences"]["defences"][0]["name"] == "confidence-cap"
    assert sections["poison"]["poison"] == "mirrored-masks"
    assert sections["score-gap"]["gap"] == pytest.approx(sections["score-gap"]["gap"])


def test_they_are_in_the_terminal_on_the_page_and_in_the_tables(audited: tuple[Path, str]) -> None:
    folder, told = audited
    page = (folder / "report.html").read_text()
    gap = json.loads((folder / "result.json").read_text())["sections"]["score-gap"]["gap"]
    assert f"lie {gap:.2f} standard deviations apart" in " ".join(told.split())
    for words in ("Gap between the scores", f"d = {gap:.2f}", "Rank among references"):
        assert words in page
    signals = pq.read_table(folder / "signals.parquet").column_names
    assert {"confidence-range", "loss-stump", "difficulty-contrast"} <= set(signals)
    scores = pq.read_table(folder / "scores.parquet", columns=["attack"])["attack"].to_pylist()
    assert "reference-rank" in scores


def test_a_saved_result_is_read_where_the_package_is_not_installed(
    audited: tuple[Path, str],
) -> None:
    from pixleak.report.html.render import to_html

    page = to_html(audited[0])
    assert "score-gap" in page
    assert "not installed" in page
