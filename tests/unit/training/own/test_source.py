"""What counts as the code of a function of the user's own, and what does not."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixleak.core.code import load_function
from pixleak.core.errors import InputError
from pixleak.training.own.source import digest_of_files, digest_of_function, imported_files

TRAIN = """
import json
import torch
from nets import Small
from deep.inner import helper


def train(records, seed):
    import lazily
    return Small(lazily.WIDTH)
"""


def _added(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A script with modules of its own, one of which nobody imports."""
    place = tmp_path / "mine"
    for name, text in {
        "train.py": TRAIN,
        "nets.py": "class Small: pass\n",
        "lazily.py": "WIDTH = 3\n",
        "unused.py": "X = 1\n",
        "deep/__init__.py": "",
        "deep/inner.py": "from . import other\n\ndef helper(): pass\n",
        "deep/other.py": "from .further import Y\n",
        "deep/further.py": "Y = 1\n",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def test_the_files_of_a_function_are_those_it_imports(folder: Path) -> None:
    assert sorted(imported_files(folder / "train.py")) == [
        "deep",
        "deep.further",
        "deep.inner",
        "deep.other",
        "lazily",
        "nets",
    ]


@pytest.mark.parametrize("name", ["train", "nets", "lazily", "deep/__init__", "deep/further"])
def test_a_change_of_any_of_them_changes_the_digest(folder: Path, name: str) -> None:
    before = digest_of_files([folder / "train.py"])
    _added(folder / f"{name}.py", "\nMORE = 1\n")
    assert digest_of_files([folder / "train.py"]) != before


def test_neither_other_files_nor_the_place_change_it(folder: Path, tmp_path: Path) -> None:
    before = digest_of_files([folder / "train.py"])
    (folder / "unused.py").write_text("X = 2\n")
    assert digest_of_files([folder / "train.py"]) == before
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert digest_of_files([moved / "train.py"]) == before


def test_a_folder_counts_with_all_files_in_it(folder: Path) -> None:
    before = digest_of_files([folder / "deep"])
    (folder / "deep" / "table.csv").write_text("1,2\n")
    assert digest_of_files([folder / "deep"]) != before


def _bound(width: int) -> Callable[[], int]:
    return lambda: width


def _with_default(width: int = 3) -> int:
    return width


class _Trainer:
    def __init__(self, width: Any) -> None:
        self.width = width

    def __call__(self) -> Any:
        return self.width


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (_bound(3), _bound(3), _bound(4)),
        (
            functools.partial(_with_default, width=3),
            functools.partial(_with_default, width=3),
            functools.partial(_with_default, width=4),
        ),
        (_Trainer(3), _Trainer(3), _Trainer(4)),
        (_Trainer({"b": {2, 1}, "a": 1}), _Trainer({"b": {1, 2}, "a": 1}), _Trainer({"a": 2})),
        (_Trainer(3).__call__, _Trainer(3).__call__, _Trainer(4).__call__),
    ],
)
def test_values_that_a_function_is_bound_to_count(one: Any, same: Any, other: Any) -> None:
    found = [digest_of_function(each, "train") for each in (one, same, other)]
    assert found[0] == found[1] != found[2]
    # The source is one: what differs is behind the dash.
    assert found[0].partition("-")[0] == found[2].partition("-")[0]


def test_globals_that_a_function_names_count() -> None:
    def made(text: str) -> str:
        space: dict[str, Any] = {}
        exec(text, space)
        return digest_of_function(space["train"], "train")

    code = "RATE = {}\ndef train(): return RATE\n"
    assert made(code.format(1)) == made(code.format(1)) != made(code.format(2))
    inner = "def step(): return {}\ndef train(): return step()\n"
    assert made(inner.format(1)) == made(inner.format(1)) != made(inner.format(2))


def test_two_names_of_one_file_are_two_functions(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("def a(): pass\n\ndef b(): pass\n")
    one, other = (load_function(f"{tmp_path}/two.py:{name}") for name in "ab")
    assert digest_of_function(one, "a") != digest_of_function(other, "b")


def test_a_value_that_cannot_be_recognised_is_refused() -> None:
    with pytest.raises(InputError, match="train holds a generator, which cannot be recognised"):
        digest_of_function(functools.partial(_with_default, (i for i in [1])), "train")


def test_packages_that_pip_put_into_a_folder_are_not_the_users_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "site"
    (place / "installed-1.0.dist-info").mkdir(parents=True)
    (place / "installed.py").write_text("X = 1\n")
    mine = tmp_path / "more"
    mine.mkdir()
    (mine / "further.py").write_text("X = 1\n")
    _added(folder / "nets.py", "import installed\nimport further\n")
    monkeypatch.setattr("sys.path", [str(place), str(mine), *sys.path])
    found = imported_files(folder / "train.py")
    assert "installed" not in found
    assert found["further"] == mine / "further.py"
