"""Evidence: what an attack's arithmetic sees, joined from signal tables by id and name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats, ReferenceTable, SignalInfo, SignalTable


@dataclass(frozen=True, eq=False)
class Population:
    """Records outside the audited ones that the attacker knows the target was not trained on.

    Args:
        observed: the target's signals on them.
        reference: the reference models' signals on them, where the attack needs those.
    """

    observed: SignalTable
    reference: ReferenceTable | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an attack's arithmetic sees: aligned by record, oriented so that higher = member.

    A trailing signal axis ``s`` is there for attacks on many signals only. Values that were
    not measured are NaN: arithmetic that forgets the masks fails instead of being wrong.

    Args:
        values: (n,) or (n, s), the target's.
        measured: the same shape; all True unless the attack is ``partial``.
        reference: (m, n) or (m, n, s), the reference models'; m = 0 without references.
        reference_measured: the same shape.
        member: (m, n), whether reference model i was trained on record j.
        population: the evidence on the population's records, if there are any.
    """

    values: Floats
    measured: Bools
    reference: Floats
    reference_measured: Bools
    member: Bools
    population: Evidence | None = None

    @property
    def inside(self) -> Bools:
        """Like ``reference``: a measurement of a model that was trained on the record."""
        return self._wide_member & self.reference_measured

    @property
    def outside(self) -> Bools:
        """Like ``reference``: a measurement of a model that was not trained on the record."""
        return ~self._wide_member & self.reference_measured

    @property
    def _wide_member(self) -> Bools:
        return self.member if self.reference.ndim == 2 else self.member[:, :, None]


def evidence_of(
    observed: SignalTable, reference: ReferenceTable | None, models_like: ReferenceTable | None
) -> Evidence:
    """Join by record, signal and (for a population) model; orient; set what is missing to NaN.

    Args:
        observed: the target's signals.
        reference: the reference models', on the same records.
        models_like: whose order of models to take; None: ``reference``'s own.

    Raises:
        InputError: the tables do not hold the same records, signals or models.
    """
    sign = np.array([info.sign for info in observed.infos])
    n, s = observed.values.shape
    values = _oriented(observed.values, observed.measured, sign)
    if reference is None:
        none: Bools = np.zeros((0, n, s), dtype=bool)
        member: Bools = np.zeros((0, n), dtype=bool)
        return Evidence(values, observed.measured, np.zeros((0, n, s)), none, member)
    columns = _signal_columns(observed.infos, reference.infos)
    rows = _positions(observed.ids, reference.ids, "record", exact=True)
    models = np.arange(len(reference.models))
    if models_like is not None:
        models = _positions(models_like.models, reference.models, "reference model", exact=True)
    measured = _taken(reference.measured, models, rows, columns)
    return Evidence(
        values=values,
        measured=observed.measured,
        reference=_oriented(_taken(reference.values, models, rows, columns), measured, sign),
        reference_measured=measured,
        member=_taken(reference.member, models, rows),
    )


_Array = TypeVar("_Array", Floats, Bools)


def _taken(array: _Array, *positions: np.ndarray) -> _Array:
    """The sub-array at these positions of each axis; itself where that is all of it, in order."""
    for axis, chosen in enumerate(positions):
        if not np.array_equal(chosen, np.arange(array.shape[axis])):
            array = np.take(array, chosen, axis=axis)
    return array


def _oriented(values: Floats, measured: Bools, sign: Floats) -> Floats:
    """Higher = member, in one pass; NaN where nothing was measured."""
    oriented: Floats = values * sign
    if not measured.all():
        oriented[~measured] = np.nan
    return oriented


def _signal_columns(wanted: Sequence[SignalInfo], held: Sequence[SignalInfo]) -> np.ndarray:
    names = [info.name for info in held]
    columns = _positions([info.name for info in wanted], names, "signal", exact=False)
    for info, column in zip(wanted, columns, strict=True):
        if held[column].members_are != info.members_are:
            raise InputError(
                f"signal {info.name!r} is {info.members_are} for members in the observed table "
                f"and {held[column].members_are} in the reference table"
            )
    return columns


def _positions(wanted: Sequence[str], held: Sequence[str], what: str, *, exact: bool) -> np.ndarray:
    if tuple(wanted) == tuple(held):
        return np.arange(len(held))
    where = {key: i for i, key in enumerate(held)}
    for key in wanted:
        if key not in where:
            raise InputError(f"{what} {key!r} is not in the reference table")
    if exact and len(held) != len(wanted):
        extra = next(iter(set(held) - set(wanted)), "")
        raise InputError(
            f"{what} {extra!r} is in the reference table but not in the table it is joined to; "
            f"both must hold the same {what}s"
        )
    return np.array([where[key] for key in wanted], dtype=np.int64)


def only(evidence: Evidence, rows: Bools) -> Evidence:
    """The evidence on these records only."""
    if rows.all():
        return evidence
    return Evidence(
        values=evidence.values[rows],
        measured=evidence.measured[rows],
        reference=evidence.reference[:, rows],
        reference_measured=evidence.reference_measured[:, rows],
        member=evidence.member[:, rows],
        population=evidence.population,
    )


def first_signal(evidence: Evidence) -> Evidence:
    """The evidence of the first signal, without the signal axis."""
    outer = evidence.population
    return Evidence(
        values=evidence.values[:, 0],
        measured=evidence.measured[:, 0],
        reference=evidence.reference[:, :, 0],
        reference_measured=evidence.reference_measured[:, :, 0],
        member=evidence.member,
        population=None if outer is None else first_signal(outer),
    )
