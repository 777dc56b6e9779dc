"""What the documentation says is what there is."""

from __future__ import annotations

import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest

from pixleak.cli.catalogue import FAMILIES, catalogue


@pytest.fixture(scope="module")
def pages(repo: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (repo / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def tracked(repo: Path) -> list[Path]:
    """Every file of the repository, except where this is no git checkout."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repo, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    return [repo / name for name in listing.stdout.split("\0") if name]


def _layers(repo: Path) -> list[str]:
    settings = tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    return next(c["layers"] for c in contracts if c["id"] == "rooms")


def test_architecture_lists_the_layers_that_are_enforced(repo: Path) -> None:
    text = (repo / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- layers: begin.*?-->\s*```text\n(.*?)```", text, re.DOTALL)
    assert found is not None
    assert found.group(1).splitlines() == _layers(repo)


def test_every_module_of_the_package_has_its_room_described(repo: Path) -> None:
    text = (repo / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    children = {
        path.stem
        for path in (repo / "src" / "pixleak").iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("_")
    }
    missing = [name for name in sorted(children) if f"`{name}`" not in text]
    assert not missing


@pytest.mark.parametrize("family", FAMILIES)
def test_every_method_is_documented(family: str, pages: str) -> None:
    (rows,) = catalogue(family).values()
    assert rows
    assert [row.name for row in rows if f"`{row.name}`" not in pages] == []


def test_every_setting_is_documented(repo: Path) -> None:
    from pixleak.records.readers import READERS
    from pixleak.request.attacker import Attacker
    from pixleak.request.audit import AuditRequest
    from pixleak.request.parts import Canaries, Evaluation, References, Run, SplitChoice
    from pixleak.request.questions import QueryRequest, SetTestRequest
    from pixleak.request.target import TargetModel
    from pixleak.studies.plan.study_config import StudyConfig
    from pixleak.training import METHODS
    from pixleak.training.target_kinds import TARGETS

    pages = ("configuration.md", "methods/recipes.md", "methods/pool.md")
    text = "".join(
        (repo / "docs" / "reference" / page).read_text(encoding="utf-8") for page in pages
    )
    text += (repo / "docs" / "how-to" / "was-it-used.md").read_text(encoding="utf-8")
    parts = (AuditRequest, SplitChoice, TargetModel, Attacker, References, Canaries, Evaluation)
    others = (Run, QueryRequest, SetTestRequest, StudyConfig)
    models = (*parts, *others, *READERS.values(), *TARGETS.values(), *METHODS.values())
    # What only Python has: objects, and what are options on the command line.
    python = {"model", "kind", "training", "folder", "progress"}
    settings = {
        field.alias or name for model in models for name, field in model.model_fields.items()
    } - python
    assert len(settings) > 60
    assert sorted(name for name in settings if not re.search(rf"\b{name}\b", text)) == []


def test_every_command_is_documented(repo: Path) -> None:
    from pixleak.cli.app import app

    text = (repo / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    names = [(c.name or c.callback.__name__) for c in app.registered_commands if c.callback]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        names += [f"{group.name} {c.name}" for c in group.typer_instance.registered_commands]
    assert len(names) >= 8
    assert [name for name in names if f"`pixleak {name}" not in text] == []


def test_every_page_is_in_the_navigation(repo: Path) -> None:
    text = (repo / "mkdocs.yml").read_text(encoding="utf-8")
    docs = repo / "docs"
    pages = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]
    assert [page for page in pages if f": {page}\n" not in text and f"- {page}\n" not in text] == []


# Spelled in parts, so that this file does not name what it forbids.
_FORBIDDEN = {
    "a path of one machine": r"(?:^|[^A-Za-z0-9_.])/(?:"
    + "|".join(["work", "root", "tmp"])
    + r")/",
    "an issue number": r"\bissue" + r"s? #?\d+\b",
    "an unfinished place": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
    "a package index": r"(?:--(?:extra-)?index" + r"-url|find" + r"-links)",
}


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_tracked_files_speak_of_the_project_only(what: str, tracked: list[Path]) -> None:
    pattern = re.compile(_FORBIDDEN[what], re.MULTILINE)
    found = []
    for path in tracked:
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue  # a picture, or a file that is deleted but not yet committed
        found += [f"{path.name}: {match.group()!r}" for match in pattern.finditer(text)]
    assert found == []


def test_the_rule_of_the_verdict_is_printed_as_it_is_applied(repo: Path) -> None:
    from pixleak.evaluation.verdict.rule import RULE

    text = (repo / "docs" / "explanation" / "evaluation.md").read_text(encoding="utf-8")
    printed = " ".join(text.split())
    assert [n for n, rule in enumerate(RULE, 1) if f"{n}. {rule}" not in printed] == []


def test_the_results_page_is_what_the_saved_figures_say(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Mend with: python benchmarks/results_page.py
    monkeypatch.syspath_prepend(repo / "benchmarks")
    made = runpy.run_path(str(repo / "benchmarks" / "results_page.py"))
    assert (repo / "docs" / "explanation" / "results.md").read_text(encoding="utf-8") == made[
        "page"
    ]()
