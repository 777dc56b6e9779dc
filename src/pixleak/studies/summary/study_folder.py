"""Read a study's folder: ``study.json``, and ``study.parquet`` with one row per cell and attack."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pixleak.core.errors import InputError
from pixleak.studies.summary.seed_estimates import Estimate
from pixleak.studies.summary.study_result import NONE, StudyResult

AXIS = "axis:"
"""Prefix of the columns that hold the level of an axis."""

_NEEDED = ("cell", "attack", "signal", "title", "defence", "auc")


@dataclass(frozen=True, kw_only=True)
class CellAttack:
    """What one attack found in one cell.

    Its attributes and ``numbers`` are the columns of the file, which
    ``docs/reference/studies.md`` describes.

    Args:
        levels: axis -> label.
        numbers: column -> value, of the columns with numbers; without those not measured.
    """

    levels: Mapping[str, str]
    cell: str
    attack: str
    signal: str
    title: str
    defence: str = NONE
    defence_names: str = ""
    poison: str = NONE
    attacker: str = ""
    verdict: str = ""
    utility: str = ""
    default: bool | None = None
    control_failed: bool | None = None
    tpr1_resolvable: bool | None = None
    numbers: Mapping[str, float]

    def figure(self, name: str) -> Estimate | None:
        """A figure with its interval; None where it was not measured.

        Args:
            name: ``"auc"``, ``"tpr1"``, ``"accuracy"``, ``"utility_heldout"``, ... An AUC or TPR
                is the mean over the pool's victims if there is a pool. A TPR at 1 % FPR that the
                non-members are too few to resolve counts as not measured.
        """
        pooled = name in ("auc", "tpr1") and f"loo_{name}" in self.numbers
        if name == "tpr1" and self.tpr1_resolvable is False and not pooled:
            return None
        column = f"loo_{name}" if pooled else name
        if column not in self.numbers:
            return None
        low, high = (self.numbers.get(f"{column}_{end}") for end in ("low", "high"))
        ends = None if low is None or high is None else (low, high)
        return Estimate(self.numbers[column], ends, pooled=pooled)


@dataclass(frozen=True)
class Study:
    """A study as it was saved.

    Args:
        axes: axis -> those of its levels that some row has, in the order of the study's file.
        rows: of all cells that have a result.
    """

    folder: Path
    result: StudyResult
    axes: Mapping[str, tuple[str, ...]]
    rows: tuple[CellAttack, ...]

    @property
    def varied(self) -> tuple[str, ...]:
        """Axes with more than one level, except the seed."""
        return tuple(a for a, levels in self.axes.items() if a != "seed" and len(levels) > 1)

    @property
    def row_axes(self) -> tuple[str, ...]:
        """Axes that tell the conditions of the study apart: at least one."""
        varied = self.varied
        if "defence" not in varied and len({row.defence for row in self.rows}) > 1:
            varied = (*varied, "defence")
        return varied or tuple(axis for axis in self.axes if axis != "seed")[:1] or ("defence",)

    def position(self, axis: str, level: str) -> int:
        """Position of a level on its axis."""
        known = self.axes.get(axis, ())
        return known.index(level) if level in known else len(known)


def read_study_folder(folder: Path) -> Study:
    """Read a study's folder.

    Raises:
        InputError: a file is missing, cannot be read, or lacks a column.
    """
    folder = Path(folder)
    result = StudyResult.read(folder)
    path = folder / result.file
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"{folder} holds no {result.file}; run the study again") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); run the study again") from error
    if lacking := [name for name in _NEEDED if name not in table.column_names]:
        raise InputError(f"{path} lacks the column {lacking[0]!r}; run the study again")
    try:
        rows = tuple(map(_row, table.to_pylist()))
    except TypeError as error:
        raise InputError(f"{path}: a row without a cell or an attack; run it again") from error
    return Study(folder, result, _axes(result, rows), rows)


def _row(entry: Mapping[str, Any]) -> CellAttack:
    there = {name: value for name, value in entry.items() if not _missing(value)}
    own = {one.name for one in fields(CellAttack)} - {"numbers", "levels"}
    return CellAttack(
        levels={n.removeprefix(AXIS): str(v) for n, v in entry.items() if n.startswith(AXIS)},
        numbers={
            name: value
            for name, value in there.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        },
        **{name: value for name, value in there.items() if name in own},
    )


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _axes(result: StudyResult, rows: Sequence[CellAttack]) -> dict[str, tuple[str, ...]]:
    written = {axis.name: [level.label for level in axis.levels] for axis in result.axes}
    found = {}
    for axis in dict.fromkeys([*written, *(name for row in rows[:1] for name in row.levels)]):
        used = dict.fromkeys(row.levels[axis] for row in rows if axis in row.levels)
        if used:
            order = [level for level in written.get(axis, ()) if level in used]
            found[axis] = tuple(dict.fromkeys([*order, *used]))
    return found
