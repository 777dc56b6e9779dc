"""A table of what is known of records beside their pixels: subject, sex, age group, scanner, ...

Subjects become those of the records, so that they stay on one side of a split and intervals are by
subject. All other columns are kept for the subgroups of the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pixleak.core.disk.table_files import read_columns, wrong_separator
from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.records.base import RecordKey, Records

_BIDS = "participant_id"  # the subject, in participants.tsv
_NAMES = ("id", "subject", _BIDS)

Attributes = Mapping[str, str]
"""Column -> value, of one record; a column whose cell is empty is left out."""


@dataclass(frozen=True)
class Metadata:
    """The rows of a table.

    Args:
        path: of the file.
        by: what a row is about: ``"id"``, or ``"subject"`` for a table without ids.
        rows: id, or subject -> column -> value, the subject among them.
    """

    path: Path
    by: str
    rows: Mapping[str, Attributes]

    def _name(self, key: RecordKey) -> str | None:
        return key.id if self.by == "id" else key.subject

    def check(self, keys: Sequence[RecordKey]) -> None:
        """Refuse a table that does not fit the records.

        Args:
            keys: of all records of the audit.

        Raises:
            InputError: a record without a row, or a row without a record; naming it.
        """
        names = {self._name(key): key for key in keys}
        if None in names:
            raise InputError(
                f"{self.path} has a row for each subject, but record {names[None].id!r} has no "
                "subject; add a column id, or say how subjects are found"
            )
        for name, key in names.items():
            if name not in self.rows:
                raise InputError(
                    f"{self.path} has no row for {self.by} {name!r}"
                    + (f" (record {key.id!r})" if self.by == "subject" else "")
                    + "; add one, with empty cells for what is not known"
                )
        for name in self.rows:
            if name not in names:
                raise InputError(
                    f"{self.path}: no record has the {self.by} {name!r}; take its row out, or "
                    "correct it"
                )

    def of(self, keys: Iterable[RecordKey]) -> list[Attributes]:
        """What the columns beside id and subject say of each record, in their order."""
        rows = (self.rows[str(self._name(key))] for key in keys)
        return [{name: value for name, value in row.items() if name != "subject"} for row in rows]

    def with_subjects(self, records: Records) -> Records:
        """The records with the subjects of the table; the same object where it names none."""
        if self.by != "id" or not any("subject" in row for row in self.rows.values()):
            return records
        keys = [
            replace(key, subject=self.rows[key.id].get("subject", key.subject))
            for key in records.keys
        ]
        return Records(keys, records.load, records.truth, records.name)


def metadata_from(path: Path) -> Metadata:
    """A table with the column ``id`` (or, for rows about whole subjects, ``subject``) and others.

    Args:
        path: ``*.csv`` or ``*.tsv`` with a header line, or ``*.parquet``; ``participants.tsv`` of
            BIDS calls the subject ``participant_id``.

    Raises:
        InputError: the file is missing or cannot be read, has neither column, or no other; a row
            without an id, or two with the same.
    """

    def check(names: list[str]) -> None:
        if not set(_NAMES) & set(names):
            raise InputError(
                f"{path} has no column 'id'{alternatives('id', names)}{wrong_separator(names)}; a "
                "row needs the id of its record, or its subject"
            )
        if len(names) < 2:
            raise InputError(
                f"{path} has no column beside {names[0]}, so it says nothing of a record"
            )
        if twice := [name for name in names if names.count(name) > 1]:
            raise InputError(f"{path} has two columns named {twice[0]!r}")

    table = read_columns(path, check)
    if "id" not in table.columns and _BIDS in table.columns:
        table.columns["subject"] = table.columns.pop(_BIDS)
    by = "id" if "id" in table.columns else "subject"
    rows: dict[str, Attributes] = {}
    first: dict[str, str] = {}
    for i, place in enumerate(table.places):
        name = table.columns[by][i].strip()
        if not name:
            raise InputError(f"{path}, {place}: {by} is empty")
        if name in rows:
            raise InputError(f"{path}, {place}: {by} {name!r} has a row already ({first[name]})")
        cells = {column: values[i].strip() for column, values in table.columns.items()}
        cells = {column: "" if cell == "n/a" else cell for column, cell in cells.items()}
        rows[name] = {column: cell for column, cell in cells.items() if cell and column != by}
        first[name] = place
    if not rows:
        raise InputError(f"{path} holds no rows")
    return Metadata(path, by, rows)
