"""Settings in the words of the caller."""

from __future__ import annotations

import pytest

from pixleak.core.errors import InputError, UnmetNeedError, setting
from pixleak.request.doors import command_line, python, speaking, yaml


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
