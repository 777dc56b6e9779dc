"""The tables of the reference name every setting of a request, with the default of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_core import PydanticUndefined

from pixleak.request.attacker import Attacker
from pixleak.request.audit import AuditRequest
from pixleak.request.parts import Evaluation, References, Run, SplitChoice
from pixleak.studies.plan.study_config import StudyConfig
from pixleak.training import TrainingCommand, TrainingFunction
from pixleak.training.adversary import Adversary
from pixleak.training.recipe import Recipe

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
TABLES: dict[str, tuple[Any, str, str]] = {
    "audit": (AuditRequest, "configuration.md", "## Keys"),
    "split": (SplitChoice, "configuration.md", "### split"),
    "attacker": (Attacker, "configuration.md", "### attacker"),
    "references": (References, "configuration.md", "### references"),
    "evaluation": (Evaluation, "configuration.md", "### evaluation"),
    "run": (Run, "configuration.md", "### run"),
    "function": (TrainingFunction, "methods/recipes.md", "### A function"),
    "command": (TrainingCommand, "methods/recipes.md", "### A command"),
    "study": (StudyConfig, "configuration.md", "## A study"),
}
"""What a table describes: the class, the page, and the heading of the table."""


def _rows(text: str) -> dict[str, str]:
    """Key -> the cell of its default, of the first table with such columns."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if re.match(r"\| key \| (values \| )?default \|", line):
            at = 2 if "values" in line else 1
            for row in lines:
                if not row.startswith("|"):
                    return found
                cells = [cell.strip() for cell in row.strip("|").split(" | ")]
                for key in re.findall(r"`(\w+)`", cells[0]):
                    found[key] = cells[at]
    return found


def _section(page: str, heading: str) -> str:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    if heading == "## Keys":
        return text.partition(heading)[0]
    level = heading.partition(" ")[0]
    rest = text.partition(f"\n{heading}\n")[2]
    assert rest, heading
    return re.split(rf"\n#{{1,{len(level)}}} ", rest)[0]


def _fields(kind: Any) -> dict[str, Any]:
    return {
        field.alias or name: field.default
        for name, field in kind.model_fields.items()
        if not field.exclude or name == "workers"
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_key_stands_in_its_table_with_its_default(name: str) -> None:
    kind, page, heading = TABLES[name]
    rows = _rows(_section(page, heading))
    fields = _fields(kind)
    # A method of training stands under its own name; `recipe` is one.
    assert {"training" if key == "recipe" else key for key in rows} == set(fields)
    rows.setdefault("training", rows.get("recipe", ""))
    for key, default in fields.items():
        written = rows[key].strip("`")
        if isinstance(default, bool | int | float | str) and "share" not in written:
            assert yaml.safe_load(written) == default, key
        elif (
            default
            and isinstance(default, tuple)
            and all(isinstance(one, float) for one in default)
        ):
            assert tuple(map(float, written.split(", "))) == default
        elif default is None or default is PydanticUndefined:
            assert not re.fullmatch(r"[\d.]+|true|false", written), key


def test_a_recipe_and_its_adversary() -> None:
    text = (REFERENCE / "methods" / "recipes.md").read_text(encoding="utf-8")
    rows = _rows(text)
    for kind in (Recipe, Adversary):
        for key, field in kind.model_fields.items():
            assert f"`{key}`" in text, key
            if kind is Recipe and isinstance(field.default, int | float | str):
                assert yaml.safe_load(rows[key].partition(";")[0].strip("`")) == field.default, key
