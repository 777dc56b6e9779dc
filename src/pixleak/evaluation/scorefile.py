"""Read scores that were computed elsewhere: CSV or Parquet, one row per record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pixleak.core.disk.table_files import FileColumns, read_csv, wrong_separator
from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.core.tables import Bools, Floats

_COLUMNS = ("score", "member", "id", "subject")
_TRUE = {"1", "1.0", "true"}
_FALSE = {"0", "0.0", "false"}


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """The contents of a file of scores.

    Args:
        scores: (n,) may be infinite.
        member: (n,) bool.
        ids: (n,) record ids, or None if the file has no column ``id``.
        subject: (n,) subjects, or None if the file has no column ``subject``.
    """

    scores: Floats
    member: Bools
    ids: tuple[str, ...] | None
    subject: tuple[str, ...] | None


def read_scores(path: Path) -> ScoreFile:
    """Read the columns ``score``, ``member`` (0/1, true/false), and ``id``, ``subject`` if present.

    Args:
        path: ``*.csv`` with a header line, or ``*.parquet``.

    Raises:
        InputError: the file is missing or unreadable, a column is missing, a value cannot be
            read (the message names its line), or a score is NaN.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a CSV or Parquet file of scores")
    if not path.is_file():
        raise InputError(f"there is no file {path}; give a CSV or Parquet file of scores")
    if path.suffix.lower() == ".csv":
        table = read_csv(path, lambda names: _check_header(names, path))
    elif path.suffix.lower() == ".parquet":
        table = _read_parquet(path)
    else:
        raise InputError(f"{path} is neither *.csv nor *.parquet")
    if not table.places:
        raise InputError(f"{path} holds no records")
    scores = np.empty(len(table.places))
    member: Bools = np.empty(len(table.places), dtype=bool)
    for i, place in enumerate(table.places):
        scores[i] = _score(table.columns["score"][i], f"{path}, {place}")
        member[i] = _truth(table.columns["member"][i], f"{path}, {place}")
    return ScoreFile(
        scores=scores,
        member=member,
        ids=_names(table, "id", path),
        subject=_names(table, "subject", path),
    )


def _read_parquet(path: Path) -> FileColumns:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
        _check_header(names, path)
        table = parquet.read_table(path, columns=[name for name in _COLUMNS if name in names])
        _refuse_several(parquet.read_table(path, columns=_one_attack(names)), path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as Parquet: {reason}") from error
    return FileColumns(
        {name: table.column(name).to_pylist() for name in table.column_names},
        [f"row {i + 1}" for i in range(table.num_rows)],
    )


def _one_attack(names: list[str]) -> list[str]:
    return [name for name in ("kind", "attack", "signal") if name in names]


def _refuse_several(attacks: Any, path: Path) -> None:
    """The scores.parquet of a run holds the scores of many attacks, one below the other."""
    if not attacks.num_columns:
        return
    found = attacks.group_by(attacks.column_names).aggregate([]).num_rows
    if found > 1:
        raise InputError(
            f"{path} holds the scores of {found} attacks, one below the other; keep the rows of "
            "one (columns kind, attack and signal), or see the report beside it"
        )


def _check_header(names: list[str], path: Path) -> None:
    for needed in ("score", "member"):
        if needed not in names:
            raise InputError(
                f"{path} has no column {needed!r}{alternatives(needed, names)}"
                f"{wrong_separator(names)}"
            )
    if twice := [name for name in _COLUMNS if names.count(name) > 1]:
        raise InputError(f"{path} has two columns named {twice[0]!r}")


def _score(value: Any, where: str) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{where}: score {value!r} is not a number") from None
    if score != score:
        raise InputError(f"{where}: score is NaN; leave out records that were not scored")
    return score


def _truth(value: Any, where: str) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise InputError(f"{where}: member {value!r} is neither 0/1 nor true/false")
    return word in _TRUE


def _names(table: FileColumns, name: str, path: Path) -> tuple[str, ...] | None:
    if name not in table.columns:
        return None
    for value, place in zip(table.columns[name], table.places, strict=True):
        if value is None or str(value).strip() == "":
            raise InputError(f"{path}, {place}: {name} is empty")
    return tuple(str(value) for value in table.columns[name])
