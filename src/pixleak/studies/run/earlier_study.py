"""What another study left in a folder is kept beside what a new one writes there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pixleak.core.disk.whole_files import set_aside
from pixleak.studies.summary.study_result import StudyResult

STUDY_FILES = ("study.parquet", "study.html", "study.json")
"""What a study writes beside its cells; the result last, since it stands for all."""


def keep_earlier_study(folder: Path, result: StudyResult) -> None:
    """Move the files of another study that a folder holds into ``earlier/`` inside it.

    A study is another one if its configuration differs, or if a cell that had finished has been
    run again since, as it is when records or models have changed. What the part ``run`` of the base
    says changes no figure and does not count.

    Args:
        folder: of the study.
        result: the study that is to be written.
    """
    file = folder / "study.json"
    if not file.is_file():
        return
    earlier = _content(file)
    new = json.loads(result.model_dump_json())
    cells = {cell["id"]: cell for cell in new["cells"]}
    finished = [cell for cell in _cells(earlier) if cell.get("status") == "finished"]
    same = _asked(earlier.get("arguments")) == _asked(new["arguments"]) and all(
        cells.get(cell.get("id")) == cell for cell in finished
    )
    if not same:
        set_aside([folder / name for name in STUDY_FILES], str(earlier.get("created", "")))


def _content(file: Path) -> dict[str, Any]:
    """What a study's result says, of whatever version; nothing if it cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _cells(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    cells = content.get("cells")
    return [cell for cell in cells if isinstance(cell, Mapping)] if isinstance(cells, list) else []


def _asked(arguments: object) -> object:
    """A configuration without what changes no figure."""
    if not isinstance(arguments, Mapping):
        return None
    base = arguments.get("base")
    if not isinstance(base, Mapping):
        return dict(arguments)
    return {**arguments, "base": {name: base[name] for name in base if name != "run"}}
