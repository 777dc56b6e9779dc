"""The roles a record can have in an audit, and who has which.

The target is trained on its members and never sees its non-members; the attacker's shadow model
is trained on the shadow members, likewise. The population is in no model's training set. Each
canary is trained on, or not, by the toss of a coin. A reserve is what a defender holds beside the
training records, to regularise with, to distil on or to stop by; the shadow has one of its own.
What is poisoned is in the target's training set beside the members. Bystanders are trained on by
the target, or not, and dealt to reference models, as audited records are, but are not attacked.
Records that belong together (slices of one patient) stay on one side, or a non-member looks like a
member.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pixleak.core.errors import InputError
from pixleak.core.files import replaced
from pixleak.core.registry import alternatives
from pixleak.records.base import RecordKey, Records

MAIN_ROLES = ("target-members", "target-nonmembers", "shadow-members", "shadow-nonmembers")
"""Those that records are shared out to where no numbers are given."""

ROLES = (
    *MAIN_ROLES,
    "population",
    "canaries",
    "reserve",
    "shadow-reserve",
    "poisoned",
    "bystander-members",
    "bystander-nonmembers",
)


@dataclass(frozen=True)
class Split:
    """Record ids by role; a record has one role or none.

    Args:
        kind: ``"random"``, ``"block"``, ``"file"``, ...
        unit: what was kept together: ``"record"``, ``"subject"``, ``"group"``, ``"block"``.
        seed: that it was drawn with, or None.
        roles: role -> record ids; every role of :data:`ROLES` is there, perhaps empty.

    Raises:
        InputError: an unknown role, or a record that occurs twice.
    """

    kind: str
    unit: str
    seed: int | None
    roles: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        known_roles(self.roles)
        object.__setattr__(self, "roles", {r: tuple(self.roles.get(r, ())) for r in ROLES})
        seen: dict[str, str] = {}
        for role, ids in self.roles.items():
            for key in ids:
                if key in seen:
                    where = (
                        f"twice in {role}" if seen[key] == role else f"in {seen[key]} and {role}"
                    )
                    raise InputError(f"split: record {key!r} is {where}; roles must be disjoint")
                seen[key] = role

    @property
    def counts(self) -> dict[str, int]:
        """Role -> number of records."""
        return {role: len(ids) for role, ids in self.roles.items()}

    def of(self, records: Records, role: str) -> Records:
        """The records of one role.

        Raises:
            InputError: the role is unknown or empty, or a record is not in the set.
        """
        known_roles([role])
        if not self.roles[role]:
            raise InputError(f"split: no record has the role {role}")
        return records.select(self.roles[role])

    def check(self, records: Records) -> None:
        """Refuse a split that names unknown records or tears a subject apart.

        Raises:
            InputError: naming the record, or the subject and its two roles.
        """
        keys = {key.id: key for key in records.keys}
        sides: dict[str, tuple[str, str]] = {}
        for role, ids in self.roles.items():
            for key in ids:
                if key not in keys:
                    raise InputError(f"split: record {key!r} ({role}) is not in {records.name}")
                subject = keys[key].subject
                if subject is None:
                    continue
                first_role, first = sides.setdefault(subject, (role, key))
                if first_role != role:
                    raise InputError(
                        f"split: subject {subject!r} is on two sides, record {first!r} in "
                        f"{first_role} and {key!r} in {role}; split by subject"
                    )

    def units(self, records: Records) -> dict[str, str]:
        """Record id -> what it was dealt with; records of one unit are not independent.

        The subject where there is one; for blocks, the run of neighbouring records of one
        group with one role; else the record itself.
        """
        role_of = {key: role for role, ids in self.roles.items() for key in ids}
        units: dict[str, str] = {}
        before: tuple[str | None, str | None] = (None, None)
        block = 0
        for key in records.keys:
            role = role_of.get(key.id)
            if (role, key.group) != before:
                before = (role, key.group)
                block += 1
            if role is not None:
                run = f"block {block}" if self.unit == "block" else key.id
                units[key.id] = key.subject if key.subject is not None else run
        return units

    def save(self, path: Path, records: Records | None = None) -> None:
        """Write a CSV of columns id, role, subject, group; unused records get no row.

        Subject and group are left empty where ``records`` are not given.
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
    """A split from a CSV with columns id and role (others are ignored).

    Raises:
        InputError: the file is missing or lacks a column; an unknown role or record; a record
            with two roles; a subject on two sides.
    """
    if not path.is_file():
        raise InputError(f"there is no split file {path}")
    roles: dict[str, list[str]] = {role: [] for role in ROLES}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if missing := {"id", "role"} - set(rows.fieldnames or ()):
                column = min(missing)
                raise InputError(f"{path}: a split needs the columns id and role; no {column}")
            for row in rows:
                role = row["role"] or ""
                if role not in roles:
                    raise InputError(
                        f"{path}, line {rows.line_num}: unknown role {role!r}"
                        f"{alternatives(role, ROLES)}"
                    )
                roles[role].append(row["id"])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a readable CSV file: {error}") from error
    unit = "subject" if any(key.subject is not None for key in records.keys) else "record"
    split = Split("file", unit, None, {role: tuple(ids) for role, ids in roles.items()})
    split.check(records)
    return split


def known_roles(roles: Iterable[str]) -> None:
    """Refuse a role that is not one of :data:`ROLES`."""
    for role in roles:
        if role not in ROLES:
            raise InputError(f"split: unknown role {role!r}{alternatives(role, ROLES)}")


def checked_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of all roles, those not named being 0.

    Raises:
        InputError: an unknown role, a negative count, nothing asked for.
    """
    known_roles(counts)
    for role, count in counts.items():
        if count < 0:
            raise InputError(f"split: {role} must be at least 0, got {count}")
    full = {role: int(counts.get(role, 0)) for role in ROLES}
    if not any(full.values()):
        raise InputError("split: every count is 0; ask for at least one record")
    return full
