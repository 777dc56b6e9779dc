"""The files around the package agree: build, benchmarks, continuous integration."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def project(repo: Path) -> dict[str, Any]:
    return tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_sdist_holds_the_repository(repo: Path, project: dict[str, Any]) -> None:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repo, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    tracked = {Path(name).parts[0] for name in listing.stdout.split("\0") if name}
    always = {".gitignore", "LICENSE", "README.md", "pyproject.toml"}
    included = {
        name.strip("/") for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    }
    assert tracked - always == included


def test_the_tests_that_the_sdist_runs_are_there(repo: Path) -> None:
    script = (repo / "tests" / "packaging" / "check_distributions.py").read_text(encoding="utf-8")
    (line,) = re.findall(r"^FROM_SDIST = (.*)$", script, flags=re.MULTILINE)
    assert [name for name in ast.literal_eval(line) if not (repo / name).exists()] == []


def test_every_benchmark_is_in_the_order_and_pages_come_last(repo: Path) -> None:
    folder = repo / "benchmarks"
    lines = (folder / "order.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split()[0] for line in lines if line and not line.startswith("#")]
    parts = {path.name for path in folder.glob("results_*.py")} - {"results_page.py"}
    helpers = {"same_figures.py", *parts}
    assert {path.name for path in folder.glob("*.py")} - set(names) == helpers
    assert all((folder / name).is_file() for name in names)
    assert [name for name in names if name.endswith("_page.py")] == names[-2:]


def test_the_versions_of_python_that_are_declared_are_tested(
    repo: Path, project: dict[str, Any]
) -> None:
    prefix = "Programming Language :: Python :: 3."
    declared = [
        entry.removeprefix("Programming Language :: Python :: ")
        for entry in project["project"]["classifiers"]
        if entry.startswith(prefix)
    ]
    workflow = yaml.safe_load((repo / ".github" / "workflows" / "ci.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == declared
    assert project["project"]["requires-python"] == f">={declared[0]}"


@pytest.mark.parametrize("name", ["ci.yml", "slow.yml"])
def test_workflows_call_targets_that_exist(repo: Path, name: str) -> None:
    makefile = (repo / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z.-]+):", makefile, re.MULTILINE))
    workflow = (repo / ".github" / "workflows" / name).read_text(encoding="utf-8")
    called = re.findall(r"\bmake (?:[A-Z]+=\S+ )*([a-z.-]+)", workflow)
    assert set(called) <= targets
    assert called or "bash .ci/run" in workflow


def test_every_direct_dependency_is_pinned(repo: Path, project: dict[str, Any]) -> None:
    def normal(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    lines = (repo / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {normal(line.split("==")[0]) for line in lines if not line.startswith("#")}
    asked = [*project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        asked += extra
    names = {normal(re.split(r"[\[<>=]", entry)[0]) for entry in asked} - {"pixleak"}
    assert sorted(names - pinned) == []


def test_benchmarks_and_examples_import_what_there_is(repo: Path) -> None:
    files = [*repo.glob("benchmarks/**/*.py"), *repo.glob("examples/**/*.py")]
    assert len(files) > 15
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pixleak"):
                module = importlib.import_module(str(node.module))
                for name in (alias.name for alias in node.names):
                    found = hasattr(module, name) or importlib.util.find_spec(
                        f"{node.module}.{name}"
                    )
                    assert found, f"{path.name}:{node.lineno}: {node.module} has no {name}"
