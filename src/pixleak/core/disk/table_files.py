"""Tables that people keep beside their data: CSV, TSV or Parquet, one row per record."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixleak.core.errors import InputError

CheckHeader = Callable[[list[str]], None]
"""Refuses the names of columns that cannot be used, before any row is read."""

_SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}

TABLES = (*_SEPARATORS, ".parquet")
"""Suffixes of the files that are read as tables."""


@dataclass(frozen=True)
class FileColumns:
    """Columns as they stand in a file, and the place of each row.

    Args:
        columns: name -> n values; of CSV and TSV files they are texts.
        places: (n,) ``"line 2"``, for messages.
    """

    columns: dict[str, list[Any]]
    places: list[str]


def read_columns(path: Path, check: CheckHeader) -> FileColumns:
    """The table of a ``.csv``, ``.tsv`` or ``.parquet`` file, whose values become texts.

    Args:
        path: of the file; a CSV has a header line.
        check: refuses the names of columns that cannot be used.

    Raises:
        InputError: the file is missing, of another kind, or cannot be read.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if suffix in _SEPARATORS:
        return read_csv(path, check, _SEPARATORS[suffix])
    if suffix != ".parquet":
        raise InputError(f"{path} is neither *.csv, *.tsv nor *.parquet")
    import pyarrow as pa
    from pyarrow import parquet

    try:
        check(list(parquet.read_schema(path).names))
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as Parquet: {reason}") from error
    return FileColumns(
        {
            name: ["" if value is None else str(value) for value in table.column(name).to_pylist()]
            for name in table.column_names
        },
        [f"row {i + 1}" for i in range(table.num_rows)],
    )


def read_csv(path: Path, check: CheckHeader, separator: str = ",") -> FileColumns:
    """The table of a CSV file, with the line of each row.

    Args:
        path: of the file, in UTF-8, or in UTF-16 as spreadsheets save "Unicode text".
        check: refuses the names of columns that cannot be used.
        separator: of the values, unless the first line says ``sep=;``.

    Raises:
        InputError: it cannot be read, or a row has another number of values than the header.
    """
    # The csv module rather than pyarrow's reader, because it knows the line of a row.
    rows: list[list[str]] = []
    places: list[str] = []
    try:
        with path.open("rb") as raw:
            start = raw.read(2)
        # What spreadsheets save as "Unicode text", and the line with which Excel names a separator.
        encoding = "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        with path.open(newline="", encoding=encoding) as file:
            first = file.readline().strip()
            said = first[4:5] if re.fullmatch(r"sep=.", first, re.IGNORECASE) else ""
            if not said:
                file.seek(0)
            reader = csv.reader(
                file, strict=True, skipinitialspace=True, delimiter=said or separator
            )
            header = [name.strip() for name in next(reader, [])]
            check(header)
            for row in reader:
                if not row:
                    continue
                place = f"line {reader.line_num + bool(said)}"
                if len(row) != len(header):
                    raise InputError(
                        f"{path}, {place}: {len(row)} values, but the header names {len(header)} "
                        "columns"
                    )
                rows.append(row)
                places.append(place)
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    return FileColumns({name: [row[i] for row in rows] for i, name in enumerate(header)}, places)


def wrong_separator(names: list[str]) -> str:
    """A hint if a header was not split at all; else empty."""
    if len(names) == 1 and (found := [mark for mark in (";", "\t") if mark in names[0]]):
        return f" (its columns are separated by {found[0]!r}; commas are needed)"
    return ""
