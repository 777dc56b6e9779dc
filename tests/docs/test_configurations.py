"""The YAML of the documentation, of the examples and of the templates is what pixleak reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from doc_blocks import blocks_of
from pixleak.request.audit import AuditRequest
from pixleak.request.file import override, parse_request, validated
from pixleak.request.questions import QueryRequest, SetTestRequest
from pixleak.request.templates import TEMPLATES
from pixleak.studies.plan.study_config import StudyConfig
from pixleak.training import training_keys

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
FILES = [*sorted((ROOT / "examples").glob("*.yaml")), *sorted(TEMPLATES.glob("*.yaml"))]
SMALLEST = {"records": {"reader": "phantom"}, "target": {"recipe": {"network": "unet"}}}
"""What a part of a configuration is laid over, to be validated with it."""
SIDES = {"members": {"reader": "phantom"}, "nonmembers": {"reader": "phantom", "seed": 1}}
"""What a target that exists already is laid over: its members are a fact."""

BLOCKS = [
    pytest.param(block.code, id=f"{page.stem}-{block.line}")
    for page in PAGES
    for block in blocks_of(page)
    if block.language == "yaml" and not block.reason
]


def kind_of(content: dict[str, Any]) -> type[BaseModel] | None:
    """Which configuration it is, whole or in part; None for a part of a part."""
    keys = set(content)
    if keys & {"base", "axes"}:
        return StudyConfig
    if "record" in keys:
        return QueryRequest
    if keys & {"owned", "comparable"}:
        return SetTestRequest
    return AuditRequest if keys <= set(AuditRequest.model_fields) else None


def check(content: dict[str, Any]) -> None:
    """Refuse what pixleak would refuse."""
    kind = kind_of(content)
    if kind is AuditRequest:
        target = content.get("target", {})
        if not set(content) & {"records", "members", "split"} and not set(target) & set(
            training_keys()
        ):
            content = SIDES | content if "target" in content else content
        apart = {"members", "nonmembers"} & set(content)
        whole = {key: SMALLEST[key] for key in SMALLEST if not (apart and key == "records")}
        parse_request(whole | content, "block")
    elif kind is StudyConfig:
        base = content.get("base", SMALLEST)
        validated({"base": base, "axes": {"seed": [0]}} | content, StudyConfig, "block")
        if isinstance(base, dict):
            parse_request(base, "base of the block")
    elif kind is not None:
        validated(content, kind, "block")


@pytest.fixture(autouse=True)
def code_of_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that blocks name, which a training loads when it is read."""
    (tmp_path / "train.py").write_text("def train(records, seed, epochs=1): ...\n")
    (tmp_path / "model.py").write_text("def load(path): ...\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("code", BLOCKS)
def test_a_block_is_valid(code: str) -> None:
    content = yaml.safe_load(code)
    assert isinstance(content, dict)
    check(content)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_valid(path: Path) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert kind_of(content) is not None
    check(content)


def test_the_whole_configurations_are_among_them() -> None:
    found = [kind_of(yaml.safe_load(param.values[0])) for param in BLOCKS]
    for kind in (AuditRequest, StudyConfig, QueryRequest, SetTestRequest):
        assert kind in found


def test_the_settings_on_the_command_line_page_are_keys() -> None:
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    content: dict[str, Any] = {key: dict(value) for key, value in SMALLEST.items()}
    command = next(
        line for line in text.splitlines() if line.startswith("pixleak audit audit.yaml")
    )
    override(content, [part.strip("'") for part in command.split(" --set ")[1:]])
    parse_request(content, "the command line page")
