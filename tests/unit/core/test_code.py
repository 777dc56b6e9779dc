from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pixleak.core.code import load_function
from pixleak.core.errors import InputError, fault_of_others


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text("def answer(images):\n    return images\n\nconstant = 3\n")
    return path


def refused(call: Callable[[], object], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_functions_that_cannot_be_loaded(file: Path, tmp_path: Path) -> None:
    refused(lambda: load_function("mine.py"), "'mine.py' names no function; write file.py:name")
    refused(lambda: load_function(":f"), "write file.py:name")
    refused(lambda: load_function(f"{tmp_path}/no.py:f"), "there is no file")
    refused(lambda: load_function(f"{file}:answr"), "defines no 'answr', did you mean 'answer'?")
    refused(lambda: load_function(f"{file}:constant"), "is of type int, not something to call")
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_this_name")
    refused(
        lambda: load_function(f"{broken}:f"),
        "fails with ModuleNotFoundError: No module named 'nothing_of_this_name'",
    )
    broken.write_text("def f(:")
    refused(lambda: load_function(f"{broken}:f"), "fails with SyntaxError")
    (tmp_path / "notes.txt").write_text("")
    refused(lambda: load_function(f"{tmp_path}/notes.txt:f"), "is not a Python file")
    assert not any(n.startswith("_pixleak_user") and "broken" in n for n in sys.modules)


def test_an_error_of_pixleaks_own_is_not_the_users_fault() -> None:
    from pixleak.core.holm import holm

    with pytest.raises(Exception) as caught:  # noqa: PT011
        holm(None)  # type: ignore[arg-type]
    assert fault_of_others(caught.value) is None


def test_an_error_in_a_users_file_names_the_line(file: Path) -> None:
    file.write_text("def answer(images):\n    return images[0]\n")
    with pytest.raises(IndexError) as caught:
        load_function(f"{file}:answer")([])
    assert f"({file.resolve()}, line 2)" in str(fault_of_others(caught.value))
