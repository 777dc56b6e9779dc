"""Jobs that go on where one of them fails, or its process dies."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from pixleak.core.errors import InputError, PixleakError
from pixleak.runners import Job
from pixleak.runners.base import Message, outcome
from pixleak.runners.local import LocalRunner


@dataclass(frozen=True)
class Simple(Job):
    """Writes its name, or fails in the way that its name says."""

    name: str
    folder: Path
    device: str = "cpu"

    @property
    def title(self) -> str:
        return f"job {self.name!r}"

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.folder / self.name,)

    @property
    def inputs(self) -> Path | None:
        return None

    def portable(self, folder: Path) -> Self:
        return self

    def elsewhere(self, arrays: Mapping[str, Any], folder: Path) -> Self:
        raise NotImplementedError

    def run(self, say: Callable[[Message], None]) -> Message:
        if self.name == "wrong":
            raise InputError("this cannot be")
        if self.name == "bug":
            raise ZeroDivisionError("by zero")
        if self.name == "dies":
            os._exit(7)
        self.outputs[0].write_text("done")
        return {"length": len(self.name)}


def _jobs(folder: Path) -> list[Simple]:
    return [Simple(name, folder) for name in ("a", "wrong", "dies", "bug", "last")]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.slow
def test_the_others_run_to_their_end(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _importable(tmp_path, monkeypatch)
    from simple_job import Simple as Importable  # type: ignore[import-not-found]

    jobs = [Importable(job.name, tmp_path) for job in _jobs(tmp_path)]
    answers = LocalRunner(workers).run(jobs, lambda *_: None, keep_going=True)
    first, wrong, dies, bug, last = answers
    assert (first, last) == ({"length": 1}, {"length": 4})
    assert wrong == {"kind": "InputError", "error": "this cannot be"}
    assert dies["kind"] == "PixleakError"
    assert "job 'dies' ended with exit code 7" in dies["error"]
    # The job is in a file that is not pixleak's, which is named instead of a traceback.
    assert bug["kind"] == "InputError"
    assert "ZeroDivisionError: by zero" in bug["error"]
    assert f"{tmp_path / 'simple_job.py'}, line " in bug["error"]
    assert bug["traceback"].strip().endswith("ZeroDivisionError: by zero")
    assert (tmp_path / "last").read_text() == "done"


def test_otherwise_the_first_failure_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _importable(tmp_path, monkeypatch)
    from simple_job import Simple as Importable

    with pytest.raises(PixleakError, match="job 'wrong': this cannot be"):
        LocalRunner(1).run([Importable("wrong", tmp_path)], lambda *_: None)


def _importable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are fresh interpreters, so that they must be able to import the job."""
    (folder / "simple_job.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    monkeypatch.syspath_prepend(str(folder))


class SpecialError(InputError):
    """A kind of error that the caller's process does not look for."""


def test_a_special_kind_of_error_arrives_as_the_general_one(tmp_path: Path) -> None:
    class Special(Simple):
        def run(self, say: Callable[[Message], None]) -> Message:
            raise SpecialError("of its own kind")

    message = outcome(Special("special", tmp_path), lambda _: None)
    assert message == {"kind": "InputError", "error": "of its own kind"}
