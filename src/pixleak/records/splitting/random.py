"""Random splits: whole records, subjects or groups are dealt to the roles.

Other splits are :func:`pixleak.records.splitting.blocks.block_split` for video and
:func:`pixleak.records.splitting.split.read_split` from a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from pixleak.core.errors import InputError, setting
from pixleak.core.roles import MAIN_ROLES, Role
from pixleak.records.base import RecordKey, Records
from pixleak.records.splitting.split import Split, checked_counts

Unit = Literal["auto", "record", "subject", "group"]


def random_split(
    records: Records,
    counts: Mapping[str, int] | None,
    *,
    seed: int,
    unit: Unit = "auto",
) -> Split:
    """Units in random order, dealt to the roles in the order of :class:`~pixleak.core.roles.Role`.

    If units hold several records, the last unit of a role is trimmed so that the counts are met
    exactly; the records that are trimmed go unused.

    Args:
        records: to split.
        counts: role -> number of records, 0 for roles that are not named; None shares all records
            out evenly to the target's and the shadow's roles (by record, up to three are left
            over).
        seed: of the draw.
        unit: what has one role as a whole; ``"auto"``: the subject if any record has one, else the
            record.

    Raises:
        InputError: too few records, an unknown role, a count below zero, or records without the
            subject or group to split by.
    """
    chosen = _unit_of(records, unit)
    units: dict[str, list[int]] = {}
    for position, key in enumerate(records.keys):
        units.setdefault(_unit_name(key, chosen), []).append(position)
    ordered = list(units.values())
    shuffled = [ordered[i] for i in np.random.default_rng(seed).permutation(len(ordered))]
    if counts is None:
        dealt = _dealt_evenly(shuffled, records.name, chosen)
    else:
        dealt = _dealt(shuffled, checked_counts(counts), records, chosen)
    roles = {role: tuple(records.keys[p].id for p in sorted(at)) for role, at in dealt.items()}
    split = Split("random", chosen, seed, roles)
    split.check(records)
    return split


def _unit_of(records: Records, unit: Unit) -> str:
    has_subjects = any(key.subject is not None for key in records.keys)
    if unit == "auto":
        return "subject" if has_subjects else "record"
    if unit not in ("record", "subject", "group"):
        raise InputError(f"unit must be auto, record, subject or group, got {unit!r}")
    lacking = [k.id for k in records.keys if unit != "record" and getattr(k, unit) is None]
    if lacking:
        raise InputError(f"{records.name}: record {lacking[0]!r} has no {unit} to split by")
    if unit == "record" and has_subjects:
        raise InputError(
            f"{records.name}: records have subjects, so they cannot be split record by record; "
            f"set {setting('split.unit')} to subject"
        )
    return unit


def _unit_name(key: RecordKey, unit: str) -> str:
    name = {"subject": key.subject, "group": key.group, "record": key.id}[unit]
    # A record without a subject, among others that have one, is a unit of its own.
    return f"unit {name}" if name is not None else f"record {key.id}"


def _dealt_evenly(units: Sequence[list[int]], name: str, unit: str) -> dict[Role, list[int]]:
    if len(units) < len(MAIN_ROLES):
        raise InputError(
            f"{name}: {len(units)} {unit}s are too few for the {len(MAIN_ROLES)} roles of a split"
        )
    dealt: dict[Role, list[int]] = {role: [] for role in MAIN_ROLES}
    for positions in units:
        min(dealt.values(), key=len).extend(positions)
    if unit == "record":
        fewest = min(map(len, dealt.values()))
        dealt = {role: at[:fewest] for role, at in dealt.items()}
    return dealt


def _dealt(
    units: Sequence[list[int]], counts: Mapping[Role, int], records: Records, unit: str
) -> dict[Role, list[int]]:
    asked = ", ".join(f"{role} {counts[role]}" for role in Role if counts[role])
    if sum(counts.values()) > len(records):
        raise InputError(
            f"{records.name}: the split asks for {sum(counts.values())} records ({asked}), "
            f"but there are {len(records)}"
        )
    left = iter(units)
    dealt: dict[Role, list[int]] = {role: [] for role in Role}
    for role in Role:
        while len(dealt[role]) < counts[role]:
            positions = next(left, None)
            if positions is None:
                raise InputError(
                    f"{records.name}: {len(records)} records of {len(units)} {unit}s are too few "
                    f"for {asked} when no {unit} may have two roles; ask for fewer"
                )
            dealt[role].extend(positions[: counts[role] - len(dealt[role])])
    return dealt
