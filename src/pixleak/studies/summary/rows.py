"""Read a study folder: ``study.parquet``, a row a cell and attack, and ``study.json`` beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pixleak.core.errors import InputError
from pixleak.studies.summary.saved import StudyResult
from pixleak.studies.summary.seeds import Measured

AXIS = "axis:"
"""What the names of columns that hold the level of an axis begin with."""

NONE = "none"

_NEEDED = ("cell", "attack", "signal", "title", "defence", "auc")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one attack found in one cell; None where it was not measured.

    The fields are the columns of the file, which ``docs/reference/studies.md`` describes.
    """

    levels: Mapping[str, str]
    cell: str
    dataset: str = ""
    victim: str = ""
    shadow: str = ""
    defence: str = NONE
    defence_names: str = ""
    poison: str = NONE
    attacker: str = ""
    attack: str
    signal: str
    title: str
    access: str = ""
    verdict: str = ""
    utility: str = ""
    seed: int | None = None
    training_size: int | None = None
    members: int | None = None
    nonmembers: int | None = None
    tn: int | None = None
    fp: int | None = None
    fn: int | None = None
    tp: int | None = None
    default: bool | None = None
    control_failed: bool | None = None
    strength: float | None = None
    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    tpr1: float | None = None
    tpr1_low: float | None = None
    tpr1_high: float | None = None
    tpr1_successes: int | None = None
    tpr1_trials: int | None = None
    tpr1_resolvable: bool | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    loo_auc: float | None = None
    loo_auc_low: float | None = None
    loo_auc_high: float | None = None
    loo_tpr1: float | None = None
    loo_tpr1_low: float | None = None
    loo_tpr1_high: float | None = None
    loo_victims: int | None = None
    utility_heldout: float | None = None
    utility_heldout_low: float | None = None
    utility_heldout_high: float | None = None
    miou_heldout: float | None = None
    miou_heldout_low: float | None = None
    miou_heldout_high: float | None = None
    l1_heldout: float | None = None
    l1_heldout_low: float | None = None
    l1_heldout_high: float | None = None
    training_seconds: float | None = None
    inference_seconds: float | None = None
    extra_records: float | None = None
    epsilon: float | None = None
    delta: float | None = None
    backdoor_rate: float | None = None
    backdoor_rate_low: float | None = None
    backdoor_rate_high: float | None = None
    poison_visibility: float | None = None

    def measured(self, name: str) -> Measured | None:
        """A figure with its interval.

        Args:
            name: ``"auc"``, ``"tpr1"``, ``"accuracy"``, ``"utility_heldout"``, ... An AUC or TPR
                is the mean over the pool's victims where there is one, and a TPR that the
                non-members are too few for is none.
        """
        pooled = f"loo_{name}"
        if name in ("auc", "tpr1") and getattr(self, pooled) is not None:
            return Measured(
                getattr(self, pooled),
                getattr(self, f"{pooled}_low"),
                getattr(self, f"{pooled}_high"),
                pooled=True,
            )
        if name == "tpr1" and self.tpr1_resolvable is False:
            return None
        value = getattr(self, name)
        if value is None:
            return None
        return Measured(
            value, getattr(self, f"{name}_low", None), getattr(self, f"{name}_high", None)
        )


@dataclass(frozen=True)
class Study:
    """A study as it was saved.

    Args:
        folder: where it lies.
        result: ``study.json``.
        axes: axis -> those of its levels that some row has, in the order of the study's file.
        rows: of all cells that have a result.
    """

    folder: Path
    result: StudyResult
    axes: Mapping[str, tuple[str, ...]]
    rows: tuple[Row, ...]

    @property
    def varied(self) -> tuple[str, ...]:
        """Axes of more than one level, but the seed."""
        return tuple(a for a, levels in self.axes.items() if a != "seed" and len(levels) > 1)

    def place(self, axis: str, level: str) -> int:
        """Where a level stands on its axis."""
        known = self.axes.get(axis, ())
        return known.index(level) if level in known else len(known)


def read_study(folder: Path) -> Study:
    """Read a study folder.

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
    rows = _rows(table, path)
    return Study(folder, result, _axes(result, rows), rows)


def _rows(table: pa.Table, path: Path) -> tuple[Row, ...]:
    if lacking := [name for name in _NEEDED if name not in table.column_names]:
        raise InputError(f"{path} lacks the column {lacking[0]!r}; run the study again")
    axes = [name for name in table.column_names if name.startswith(AXIS)]
    known = [one.name for one in fields(Row) if one.name in table.column_names]
    rows = []
    for entry in table.select([*axes, *known]).to_pylist():
        given = {name: entry[name] for name in known if _there(entry[name])}
        try:
            levels = {name.removeprefix(AXIS): str(entry[name]) for name in axes}
            rows.append(Row(levels=levels, **given))
        except TypeError as error:
            raise InputError(f"{path}: a row without a cell or an attack; run it again") from error
    return tuple(rows)


def _there(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _axes(result: StudyResult, rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    written = {axis.name: [level.label for level in axis.levels] for axis in result.axes}
    found = {}
    for axis in dict.fromkeys([*written, *(name for row in rows[:1] for name in row.levels)]):
        used = dict.fromkeys(row.levels[axis] for row in rows if axis in row.levels)
        order = [level for level in written.get(axis, ()) if level in used]
        if used:
            found[axis] = tuple(dict.fromkeys([*order, *used]))
    return found
