"""Several sets of records, each with its role, combined into one set and a split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.roles import Role
from pixleak.core.truth import Truth
from pixleak.records.base import Load, Record, RecordKey, Records
from pixleak.records.splitting.split import Split, role_of


@dataclass(frozen=True)
class _Chain:
    """Loads from several sets, one after the other; picklable."""

    loads: tuple[Load, ...]
    lengths: tuple[int, ...]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        for load, length in zip(self.loads, self.lengths, strict=True):
            if index < length:
                return load(index)
            index -= length
        raise IndexError(index)


def gather(
    sets: Mapping[str, Records], *, seed: int, called: Mapping[str, str] | None = None
) -> tuple[Records, Split]:
    """One set of records, and the split that the given sets amount to.

    Ids that occur in two sets with different images get their role as a prefix.

    Args:
        sets: role -> records. ``"shadow"`` stands for both shadow roles: its subjects are
            divided into halves at random.
        seed: of that division.
        called: role -> what the caller calls the set, for messages; None: the roles.

    Raises:
        InputError: the same record (same id, same pixels) is in two sets, a subject is in two
            sets, or the sets differ in their classes.
    """
    first = next(iter(sets.values()))
    names_of = called or {}
    for role, records in sets.items():
        if records.truth != first.truth:
            here, there = (names_of.get(one, one) for one in (next(iter(sets)), role))
            raise InputError(_differing(first.truth, records.truth, here, there))
    _refuse_overlap({names_of.get(role, role): records for role, records in sets.items()})
    counted: dict[str, int] = {}
    for records in sets.values():
        for key in records.ids:
            counted[key] = counted.get(key, 0) + 1
    keys: list[RecordKey] = []
    roles: dict[Role, tuple[str, ...]] = {}
    for role, records in sets.items():
        renamed = [
            RecordKey(f"{role}/{k.id}" if counted[k.id] > 1 else k.id, k.subject, k.group)
            for k in records.keys
        ]
        keys += renamed
        if role == "shadow":
            roles |= _halves(renamed, seed)
        else:
            roles[role_of(role)] = tuple(k.id for k in renamed)
    load = _Chain(tuple(r.load for r in sets.values()), tuple(len(r) for r in sets.values()))
    names = {records.name for records in sets.values()}
    name = first.name if len(names) == 1 else "records"
    together = Records(keys, load, first.truth, name)
    return together, Split(kind="given", unit="record", seed=None, roles=roles)


def _differing(first: Truth, other: Truth, here: str, there: str) -> str:
    """In what the truths of two sets differ."""
    if type(first) is not type(other):
        return (
            f"the true outputs of {there} are {other}, those of {here} {first}; all sets "
            "need the same kind"
        )
    names = [one.name for one in fields(first)]
    differing = [name for name in names if getattr(first, name) != getattr(other, name)]
    name = differing[0]
    return (
        f"the true outputs of {here} and {there} differ in {', '.join(differing)}: {name} "
        f"is {getattr(first, name)!r} and {getattr(other, name)!r}; all sets need the same"
    )


def _halves(keys: list[RecordKey], seed: int) -> dict[Role, tuple[str, ...]]:
    units = sorted({k.subject if k.subject is not None else k.id for k in keys})
    order = torch.randperm(len(units), generator=torch.Generator().manual_seed(seed)).tolist()
    inside = {units[i] for i in order[: len(units) // 2]}
    member = tuple(k.id for k in keys if (k.subject or k.id) in inside)
    rest = tuple(k.id for k in keys if (k.subject or k.id) not in inside)
    return {Role.SHADOW_MEMBERS: member, Role.SHADOW_NONMEMBERS: rest}


def _loaded(records: Records, index: int, role: str) -> Record:
    try:
        return records[index]
    except InputError:
        raise
    except Exception as error:  # whatever a user's data set raises
        raise InputError(
            f"{role}: record {records.keys[index].id!r} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error


def _refuse_overlap(sets: Mapping[str, Records]) -> None:
    seen: dict[str, tuple[str, int]] = {}
    subjects: dict[str, str] = {}
    for role, records in sets.items():
        for i, key in enumerate(records.keys):
            if key.subject is not None and subjects.setdefault(key.subject, role) != role:
                raise InputError(
                    f"subject {key.subject!r} is in both {subjects[key.subject]} and {role}; "
                    "a subject must be in one set only"
                )
            if key.id not in seen:
                seen[key.id] = (role, i)
                continue
            other, j = seen[key.id]
            here, there = _loaded(records, i, role), _loaded(sets[other], j, other)
            if here.image.shape == there.image.shape and torch.equal(here.image, there.image):
                raise InputError(
                    f"record {key.id!r} is in both {other} and {role}, with the same pixels; "
                    "the sets must not overlap"
                )
