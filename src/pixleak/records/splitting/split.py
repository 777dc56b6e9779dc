"""Splits: which record has which role in an audit.

Records that belong together (slices of one patient) must have one role, or non-members look like
members.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixleak.core.disk.table_files import read_columns, wrong_separator
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
    """A split from a CSV, TSV or Parquet file of id and role, or of id and member.

    A member is ``1``, ``true``, ``yes`` or ``train``; a non-member ``0``, ``false``, ``no`` or
    ``test``. A table without ids may name subjects, whose records then have one role. Other columns
    are ignored.

    Raises:
        InputError: the file is missing or lacks a column; an unknown role or record; a record
            or a subject with two roles; only members, or only non-members.
    """

    def check(names: list[str]) -> None:
        if not {"id", "subject"} & set(names) or not {"role", "member"} & set(names):
            column = "role or member" if {"id", "subject"} & set(names) else "id"
            raise InputError(
                f"{path}: a split needs the columns id and role, or id and member; no {column}"
                f"{wrong_separator(names)}"
            )

    if not path.is_file():
        raise InputError(f"there is no split file {path}")
    table = read_columns(path, check)
    by_id = "id" in table.columns
    roles: dict[Role, list[str]] = {role: [] for role in Role}
    for i, place in enumerate(table.places):
        row = {name: values[i] for name, values in table.columns.items()}
        try:
            role = _role_in(row)
            if by_id:
                roles[role].append(row["id"])
            else:
                roles[role] += _records_of(row["subject"], records)
        except InputError as error:
            raise InputError(f"{path}, {place}: {error}") from error
    if "role" not in table.columns:
        _check_both_sides(path, roles)
    unit = "subject" if any(key.subject is not None for key in records.keys) else "record"
    split = Split("file", unit, None, {role: tuple(ids) for role, ids in roles.items()})
    split.check(records)
    return split


def _records_of(subject: str, records: Records) -> list[str]:
    found = [key.id for key in records.keys if key.subject == subject]
    if not found:
        raise InputError(f"no record of {records.name} has the subject {subject!r}")
    return found


def _check_both_sides(path: Path, roles: Mapping[Role, Sequence[str]]) -> None:
    if not any(roles.values()):
        raise InputError(f"{path} holds no rows")
    for role, told, lacking in (
        (Role.TARGET_MEMBERS, "non-members", "members"),
        (Role.TARGET_NONMEMBERS, "members", "non-members"),
    ):
        if not roles[role]:
            raise InputError(
                f"{path} names only {told}, and an audit compares both sides: add records that "
                f"are {lacking}"
            )


_SIDES = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "train", "member"), Role.TARGET_MEMBERS),
    **dict.fromkeys(
        ("false", "0", "0.0", "no", "test", "nonmember", "non-member"), Role.TARGET_NONMEMBERS
    ),
}


def _role_in(row: Mapping[str, str]) -> Role:
    """The role that a row names, or else the side that its column ``member`` says."""
    if "role" in row:
        return role_of(row["role"])
    said = row["member"].strip().lower()
    if said not in _SIDES:
        whose = f"record {row['id']!r}" if "id" in row else f"subject {row['subject']!r}"
        raise InputError(
            f"member is {row['member']!r} for {whose}; expected true or false (or 1 and 0, yes "
            "and no, train and test)"
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
