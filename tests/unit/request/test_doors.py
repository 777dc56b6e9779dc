"""Settings in the words of the caller."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import pixleak
from pixleak.core.errors import InputError, UnmetNeedError, setting
from pixleak.core.part import Part
from pixleak.request.attacker import Attacker
from pixleak.request.audit import AuditRequest
from pixleak.request.doors import Word, command_line, python, speaking, yaml
from pixleak.request.parts import (
    Canaries,
    Evaluation,
    PoisonChoice,
    References,
    Run,
    SplitChoice,
)
from pixleak.request.target import TargetModel
from pixleak.training.recipe_settings import RecipeSettings
from pixleak.training.target_kinds import TARGETS


@pytest.mark.parametrize(
    ("path", "argument"),
    [
        ("target.access", "access"),
        ("target.samples", "TargetModel(samples=...)"),
        ("attacker.shadow.recipe", "Attacker(shadow=...)"),
        ("split.population", "Attacker(population=...)"),
        ("references.models", "References(models=...)"),
        ("run.folder", "out"),
        ("analyses", "AuditRequest(analyses=...)"),
    ],
)
def test_python_names_arguments(path: str, argument: str) -> None:
    assert python(path) == argument


def test_a_file_has_keys_and_the_command_line_options() -> None:
    assert yaml("split.reserve") == "split.reserve"
    assert yaml("run.folder") == "--out"
    assert command_line("split.reserve") == "--set split.reserve=..."
    assert command_line("run.folder") == "--out"


@pytest.mark.parametrize("kind", [InputError, UnmetNeedError])
def test_errors_keep_their_type_and_are_put_into_the_callers_words(
    kind: type[InputError | UnmetNeedError],
) -> None:
    with (
        pytest.raises(kind, match=r"^raise --set split\.reserve=\.\.\. first$"),
        speaking(command_line),
    ):
        raise kind(f"raise {setting('split.reserve')} first")


def test_an_error_without_a_setting_is_raised_as_it_is() -> None:
    error = InputError("too few")
    with pytest.raises(InputError) as raised, speaking(python):
        raise error
    assert raised.value is error


def _paths() -> list[str]:
    """Every path that a message of the package names as a setting."""
    paths = []
    for file in sorted(Path(pixleak.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setting":
                (path,) = node.args
                if isinstance(path, ast.Constant):
                    paths.append(path.value)
    return paths


def test_every_setting_that_a_message_names_can_be_given() -> None:
    paths = _paths()
    assert len(paths) > 30
    parts: dict[str, type[Part]] = {
        "split": SplitChoice,
        "target": TargetModel,
        "attacker": Attacker,
        "references": References,
        "canaries": Canaries,
        "poison": PoisonChoice,
        "evaluation": Evaluation,
        "run": Run,
    }
    for path in paths:
        part, *fields = path.split(".")
        assert part in AuditRequest.model_fields, path
        if fields:
            known = set(parts[part].known())
            if part == "target":  # options of a kind stand beside its key
                known.update(name for kind in TARGETS.values() for name in kind.model_fields)
            assert fields[0] in known, path
        if fields[:1] == ["recipe"] and fields[1:]:
            assert fields[1] in RecipeSettings.model_fields, path


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (python, "Attacker(shadow=...) needs Attacker(records=...) to train"),
        (yaml, "attacker.shadow needs attacker.records to train"),
        (command_line, "--set attacker.shadow=... needs --set attacker.records=... to train"),
    ],
)
def test_what_the_request_refuses_is_said_in_the_words_of_the_door(door: Word, words: str) -> None:
    one = {"reader": "phantom", "count": 40}
    with pytest.raises(InputError) as raised, speaking(door):
        AuditRequest(
            members=one,
            nonmembers=one,
            target={"recipe": {"network": "tiny"}},
            attacker={"shadow": {"recipe": {"network": "tiny"}}},
        )
    assert words in str(raised.value)
