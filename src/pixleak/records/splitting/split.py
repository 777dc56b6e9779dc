"""Splits: which record has which role in an audit.

Records that belong together (slices of one patient) must have one role, or non-members look like
members.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pixleak.core.disk.whole_files import replaced
from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.core.roles import Role
from pixleak.records.base import RecordKey, Records


@dataclass(frozen=True)
class Split:
    """Record ids by role; a record has one role or none.

    Args:
        kind: ``"random"``, ``"block"``, ``"file"``, ``"given"``.
        unit: what has one role as a whole: ``"record"``, ``"subject"``, ``"group"``, ``"block"``.
        seed: of the draw, or None.
        roles: role -> record ids; every role is a key afterwards, those not given have no ids.
        clusters: record id -> its cluster of near-identical records, for records in one.

    Raises:
        InputError: an unknown role, or a record that occurs twice.
    """

    kind: str
    unit: str
    seed: int | None
    roles: Mapping[Role, tuple[str, ...]]
    clusters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = {role_of(role): tuple(ids) for role, ids in self.roles.items()}
        object.__setattr__(self, "roles", {role: given.get(role, ()) for role in Role})
        seen: dict[str, Role] = {}
        for role, ids in self.roles.items():
            for key in ids:
                if key in seen:
                    where = (
                        f"twice in {role}" if seen[key] == role else f"in {seen[key]} and {role}"
                    )
                    raise InputError(f"split: record {key!r} is {where}; roles must be disjoint")
                seen[key] = role

    @property
    def counts(self) -> dict[Role, int]:
        """Role -> number of records."""
        return {role: len(ids) for role, ids in self.roles.items()}

    def of(self, records: Records, role: str) -> Records:
        """The records of one role.

        Raises:
            InputError: the role is unknown or empty, or a record is not in the set.
        """
        ids = self.roles[role_of(role)]
        if not ids:
            raise InputError(f"split: no record has the role {role}")
        return records.select(ids)

    def check(self, records: Records) -> None:
        """Refuse a split that names unknown records or gives a subject two roles.

        Raises:
            InputError: naming the record, or the subject and its two roles.
        """
        keys = {key.id: key for key in records.keys}
        first_of: dict[str, tuple[Role, str]] = {}
        for role, ids in self.roles.items():
            for key in ids:
                if key not in keys:
                    raise InputError(f"split: record {key!r} ({role}) is not in {records.name}")
                subject = keys[key].subject
                if subject is None:
                    continue
                first_role, first = first_of.setdefault(subject, (role, key))
                if first_role != role:
                    raise InputError(
                        f"split: subject {subject!r} has two roles, record {first!r} is in "
                        f"{first_role} and {key!r} in {role}; split by subject"
                    )

    def units(self, records: Records) -> dict[str, str]:
        """Record id -> unit; records of one unit are not independent.

        The unit is the subject if the record has one; for blocks, the run of neighbouring records
        of one group with one role; else the cluster of near-identical records; else the record
        itself.
        """
        role_of = {key: role for role, ids in self.roles.items() for key in ids}
        units: dict[str, str] = {}
        before: tuple[Role | None, str | None] = (None, None)
        block = 0
        for key in records.keys:
            role = role_of.get(key.id)
            if (role, key.group) != before:
                before = (role, key.group)
                block += 1
            if role is not None:
                run = (
                    f"block {block}" if self.unit == "block" else self.clusters.get(key.id, key.id)
                )
                units[key.id] = key.subject if key.subject is not None else run
        return units

    def save(self, path: Path, records: Records | None = None) -> None:
        """Write a CSV with the columns id, role, subject, group; unused records have no row.

        Subject and group are empty if ``records`` are not given.
        """
        keys = {key.id: key for key in records.keys} if records is not None else {}
        with (
            replaced(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("id", "role", "subject", "group"))
            for role, ids in self.roles.items():
                for key in ids:
                    known = keys.get(key, RecordKey(key))
                    writer.writerow((key, role, known.subject or "", known.group or ""))


def read_split(path: Path, records: Records) -> Split:
    """A split from a CSV with the columns id and role, or id and member (true or false).

    Other columns are ignored.

    Raises:
        InputError: the file is missing or lacks a column; an unknown role or record; a record
            or a subject with two roles.
    """
    if not path.is_file():
        raise InputError(f"there is no split file {path}")
    roles: dict[Role, list[str]] = {role: [] for role in Role}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if "id" not in columns or not columns & {"role", "member"}:
                column = "role or member" if "id" in columns else "id"
                raise InputError(
                    f"{path}: a split needs the columns id and role, or id and member; no {column}"
                )
            for row in rows:
                try:
                    roles[_role_in(row)].append(row["id"])
                except InputError as error:
                    raise InputError(f"{path}, line {rows.line_num}: {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a readable CSV file: {error}") from error
    unit = "subject" if any(key.subject is not None for key in records.keys) else "record"
    split = Split("file", unit, None, {role: tuple(ids) for role, ids in roles.items()})
    split.check(records)
    return split


_SIDES = {
    **dict.fromkeys(("true", "1", "yes", "member"), Role.TARGET_MEMBERS),
    **dict.fromkeys(("false", "0", "no", "nonmember", "non-member"), Role.TARGET_NONMEMBERS),
}


def _role_in(row: Mapping[str, str | None]) -> Role:
    """The role that a row names, or else the side that its column ``member`` says."""
    if "role" in row:
        return role_of(row["role"] or "")
    said = (row["member"] or "").strip().lower()
    if said not in _SIDES:
        raise InputError(
            f"member is {row['member']!r} for record {row['id']!r}; expected true or false (or 1 "
            "and 0, yes and no)"
        )
    return _SIDES[said]


def role_of(name: str) -> Role:
    """The role with this name.

    Raises:
        InputError: there is none.
    """
    try:
        return Role(name)
    except ValueError:
        raise InputError(f"unknown role {name!r}{alternatives(name, Role)}") from None


def checked_counts(counts: Mapping[str, int]) -> dict[Role, int]:
    """Counts of all roles; 0 for those that are not named.

    Raises:
        InputError: an unknown role, a negative count, or no record at all.
    """
    for role, count in counts.items():
        if isinstance(count, bool) or not hasattr(count, "__index__"):
            raise InputError(f"split: {role_of(role)} must be a whole number, got {count!r}")
        if count < 0:
            raise InputError(f"split: {role_of(role)} must be at least 0, got {count}")
    given = {role_of(role): count for role, count in counts.items()}
    full = {role: int(given.get(role, 0)) for role in Role}
    if not any(full.values()):
        raise InputError("split: every count is 0; ask for at least one record")
    return full
