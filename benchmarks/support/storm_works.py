"""What the storm of kills is let loose on: small commands, and what each of them must leave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml
from PIL import Image

BASE: dict[str, Any] = {
    "seed": 3,
    "records": {"reader": "phantom", "count": 72, "size": 16, "seed": 1},
    "target": {"recipe": {"network": "tiny", "epochs": 2, "lr": 0.01, "batch_size": 8}},
    "attacker": {"signals": ["cross-entropy", "margin"], "learned": ["type-ii-logistic"]},
    "evaluation": {"replicates": 100},
}
POOL = BASE | {"title": "A pool", "references": {"models": 4}, "run": {"exhibits": 1}}
STUDY = {
    "title": "A study",
    "base": {name: value for name, value in BASE.items() if name != "seed"}
    | {
        "split": {
            "target_members": 12,
            "target_nonmembers": 12,
            "shadow_members": 12,
            "shadow_nonmembers": 12,
            "reserve": 12,
        }
    },
    "axes": {"defence": ["none", {"name": "distillation"}], "seed": [0]},
}
MODEL = "def half(images):\n    return 0.2 + images[:, 1:] / 2\n"
ASKED: dict[str, Any] = {
    "target": {"function": "model.py:half", "access": "image"},
    "difficulties": ["difficulty-total-variation", "difficulty-compression"],
}
PHOTOS = {"reader": "phantom", "count": 30, "size": 16, "direction": "labels-to-photo"}
QUERY = ASKED | {
    "record": {"kind": "labels-to-photo", "target_channels": 1, "classes": 2},
    "nonmembers": PHOTOS | {"seed": 9},
}
SET_TEST = ASKED | {
    "owned": PHOTOS | {"seed": 5},
    "comparable": PHOTOS | {"seed": 9},
    "permutations": 500,
}

_OF_THE_CLOCK = ("seconds", "created", "timings", "environment", "folder")
_COLUMNS = ("seconds", "time", "inference", "waiting")


@dataclass(frozen=True)
class Work:
    """A command to run in a folder of its own.

    Args:
        name: of the command.
        arguments: of ``pixleak``; all files lie in the working folder.
        left: what is in the folder afterwards, without what the clock decides.
        prepare: writes what the command reads.
    """

    name: str
    arguments: tuple[str, ...]
    left: Callable[[Path], Any]
    prepare: Callable[[Path], None]


def without_clock(value: Any) -> Any:
    """JSON without times."""
    if isinstance(value, dict):
        return {
            key: without_clock(one)
            for key, one in value.items()
            if not any(word in key for word in _OF_THE_CLOCK)
        }
    return [without_clock(one) for one in value] if isinstance(value, list) else value


def _file(path: Path) -> Any:
    match path.suffix:
        case ".json":
            return without_clock(json.loads(path.read_text(encoding="utf-8")))
        case ".parquet":
            table = pq.read_table(path)
            kept = [n for n in table.column_names if not any(word in n for word in _COLUMNS)]
            return {name: repr(table[name].to_pylist()) for name in kept}
        case ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: repr(arrays[name].tolist()) for name in arrays.files}
    return path.read_text(encoding="utf-8")


def _run(folder: Path) -> Any:
    names = [path for path in sorted(folder.iterdir()) if path.is_file()]
    kept = [p for p in names if p.suffix in (".json", ".parquet", ".npz", ".csv", ".yaml")]
    return {path.name: _file(path) for path in kept if path.name != "digests.json"}


def _study(folder: Path) -> Any:
    cells = {one.name: _run(one) for one in sorted((folder / "cells").iterdir())}
    return {"study": _run(folder), "cells": cells}


def _written(**contents: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "model.py").write_text(MODEL)
        labels = np.zeros((16, 16), np.uint8)
        labels[4:12, 4:10] = 1
        Image.fromarray(labels).save(folder / "labels.png")
        Image.fromarray(60 + 120 * labels).save(folder / "photo.png")
        for name, content in contents.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))

    return write


def works(finished: Path | None = None) -> dict[str, Work]:
    """All commands by name.

    Args:
        finished: the folder of a finished pool, for the command that renders its report.
    """

    def copy(folder: Path) -> None:
        assert finished is not None
        shutil.copytree(finished, folder / "run", ignore=shutil.ignore_patterns("artefacts"))
        (folder / "run" / "report.html").unlink()

    found = [
        Work(
            "pool",
            ("audit", "pool.yaml", "--out", "run"),
            lambda folder: _run(folder / "run"),
            _written(pool=POOL),
        ),
        Work(
            "study",
            ("study", "study.yaml", "--out", "out", "--workers", "1"),
            lambda folder: _study(folder / "out"),
            _written(study=STUDY),
        ),
        Work(
            "query",
            ("query", "query.yaml", "labels.png", "photo.png", "--out", "answer.json"),
            lambda folder: _file(folder / "answer.json"),
            _written(query=QUERY),
        ),
        Work(
            "set-test",
            ("set-test", "set.yaml", "--out", "answer.json"),
            lambda folder: _file(folder / "answer.json"),
            _written(set=SET_TEST),
        ),
        Work(
            "report",
            ("report", "run"),
            lambda folder: (folder / "run" / "report.html").read_text(encoding="utf-8"),
            copy,
        ),
    ]
    return {work.name: work for work in found}
