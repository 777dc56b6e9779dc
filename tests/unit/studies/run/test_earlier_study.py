"""A study takes the place of its own earlier result, and of no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from made_studies import MadeStudy
from pixleak.studies.run.earlier_study import keep_earlier_study
from pixleak.studies.summary.study_result import StudyResult


def _made(folder: Path) -> StudyResult:
    base = {"seed": 1, "run": {"workers": 2}}
    study = MadeStudy(title="Toy", arguments={"title": "Toy", "base": base})
    study.seeds({"defence": "none"}, {"Global loss": [0.6, 0.7]}, [0.8, 0.8])
    study.failed({"defence": "rounding", "seed": "0"}, "it diverged")
    study.write(folder)
    (folder / "study.html").write_text("its page")
    return StudyResult.read(folder)


def _rerun(one: StudyResult) -> dict[str, Any]:
    cells = [one.cells[0].model_copy(update={"seconds": 12.5}), *one.cells[1:]]
    return {"cells": cells}


def _mended(one: StudyResult) -> dict[str, Any]:
    mended = one.cells[-1].model_copy(update={"status": "finished", "error": None})
    return {"cells": [*one.cells[:-1], mended]}


CHANGES: dict[str, tuple[Any, bool]] = {
    "nothing but the time": (lambda one: {"created": "2026-12-01T00:00:00+00:00"}, False),
    "how it runs": (
        lambda one: {"arguments": {"title": "Toy", "base": {"seed": 1, "run": {"workers": 0}}}},
        False,
    ),
    "a cell that had failed": (_mended, False),
    "the configuration": (lambda one: {"arguments": {"title": "Toy", "base": {"seed": 2}}}, True),
    "a cell that was run again": (_rerun, True),
    "a cell that is gone": (lambda one: {"cells": one.cells[1:]}, True),
}


@pytest.mark.parametrize("what", CHANGES)
def test_another_study_is_moved_aside_as_a_whole(tmp_path: Path, what: str) -> None:
    change, moved = CHANGES[what]
    before = _made(tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    keep_earlier_study(tmp_path, before.model_copy(update=change(before)))
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("earlier/*/*")}
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert (kept, left) == ((files, set()) if moved else ({}, set(files)))
    if moved:
        assert (tmp_path / "earlier" / "2026-11-25T12-00-00").is_dir()


def test_one_that_cannot_be_read_is_moved_aside_as_well(tmp_path: Path) -> None:
    before = _made(tmp_path)
    (tmp_path / "study.json").write_text(json.dumps([1]))
    keep_earlier_study(tmp_path, before)
    assert not (tmp_path / "study.json").exists()
    assert len(list(tmp_path.glob("earlier/*/study.json"))) == 1
