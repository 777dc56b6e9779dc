"""Signal tables, and what a pass left, as artefacts on disk."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pixleak.core.access import Access
from pixleak.core.tables import SignalInfo, SignalTable
from pixleak.pipeline.measuring.measured import ModelPass


def write_table(folder: Path, table: SignalTable) -> None:
    """Write a signal table into the folder of an artefact."""
    np.savez(folder / "table.npz", values=table.values, measured=table.measured)
    content: dict[str, Any] = {
        "ids": list(table.ids),
        "infos": [asdict(info) for info in table.infos],
    }
    (folder / "table.json").write_text(json.dumps(content), encoding="utf-8")


def read_table(folder: Path) -> SignalTable:
    """A signal table from its artefact."""
    content = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    infos = [SignalInfo(**info | {"access": Access(info["access"])}) for info in content["infos"]]
    with np.load(folder / "table.npz") as arrays:
        return SignalTable(
            tuple(content["ids"]), arrays["values"], tuple(infos), arrays["measured"]
        )


def write_pass(folder: Path, left: ModelPass) -> None:
    """Write what a pass measured into the folder of an artefact."""
    write_table(folder, left.table)
    (folder / "seconds.json").write_text(json.dumps(left.seconds), encoding="utf-8")


def read_pass(folder: Path) -> ModelPass:
    """What a pass measured, from its artefact."""
    seconds = json.loads((folder / "seconds.json").read_text(encoding="utf-8"))
    return ModelPass(read_table(folder), float(seconds))
