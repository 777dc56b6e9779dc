"""Signals and scores as tables: what attacks read and what they return.

Numpy only, so that scores can be evaluated and reports rendered without torch. Membership in the
target's training set is deliberately absent from :class:`SignalTable`: an attack never sees it.
Only :class:`ReferenceTable` carries membership, that of the attacker's own models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pixleak.core.access import Access
from pixleak.core.errors import InputError

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SignalInfo:
    """What a signal is: one number per record, measured on one query of a model or a few.

    Args:
        name: unique, kebab-case.
        unit: ``"nat/pixel"``, ``"1"``, ...
        members_are: which end members are expected at.
        access: least access to the target that it needs.
        needs_truth: whether the attacker must hold the record's truth.
        summary: one line for ``pixleak list``.
        source: paper or ``"pixleak"``.
        learned: trained on a shadow model's outputs.
        queries_model: False only for baselines that never see the model.
        title: its title in tables; empty: the name.
        queries: per record, at most; 1: the one query that all signals share.
    """

    name: str
    unit: str
    members_are: Literal["lower", "higher"]
    access: Access = Access.PROBABILITY
    needs_truth: bool = True
    summary: str = ""
    source: str = "pixleak"
    learned: bool = False
    queries_model: bool = True
    title: str = ""
    queries: int = 1

    @property
    def sign(self) -> float:
        """Factor that orients values so that higher means more likely a member."""
        return 1.0 if self.members_are == "higher" else -1.0


def _keep_read_only(table: object, *names: str) -> None:
    """Replace arrays of a frozen table by read-only views; the caller's arrays stay writable."""
    for name in names:
        view: NDArray[np.generic] = getattr(table, name).view()
        view.flags.writeable = False
        object.__setattr__(table, name, view)


@dataclass(frozen=True, eq=False)
class SignalTable:
    """Signals of one model on n records: what an attacker observes.

    Args:
        ids: (n,) record ids, unique.
        values: (n, s) float64, meaningless where not ``measured``.
        infos: s signal descriptions.
        measured: (n, s) bool; False where a signal is undefined for a record (the loss of a
            class that the record lacks, the Dice loss of an empty mask).
    """

    ids: tuple[str, ...]
    values: Floats
    infos: tuple[SignalInfo, ...]
    measured: Bools

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(self.infos))
        if self.values.shape != shape or self.measured.shape != shape:
            raise InputError(
                f"a signal table of {shape[0]} records and {shape[1]} signals needs values and "
                f"measured of shape {shape}, got {self.values.shape} and {self.measured.shape}"
            )
        if len(set(self.ids)) != len(self.ids):
            raise InputError("a signal table holds the same record id twice")
        if np.isnan(self.values[self.measured]).any():
            row, column = np.argwhere(np.isnan(self.values) & self.measured)[0]
            raise InputError(
                f"signal {self.infos[column].name!r} of record {self.ids[row]!r} is NaN"
            )
        _keep_read_only(self, "values", "measured")

    @property
    def names(self) -> tuple[str, ...]:
        """The s signal names."""
        return tuple(info.name for info in self.infos)

    def select(
        self, *, ids: Sequence[str] | None = None, signals: Sequence[str] | None = None
    ) -> SignalTable:
        """The sub-table of these records and signals, in the order asked for.

        Raises:
            InputError: an id or a signal is not in the table.
        """
        rows, columns = np.arange(len(self.ids)), np.arange(len(self.infos))
        if ids is not None:
            where = {key: i for i, key in enumerate(self.ids)}
            if missing := [key for key in ids if key not in where]:
                raise InputError(f"record {missing[0]!r} is not in the signal table")
            rows = np.array([where[key] for key in ids], dtype=np.int64)
        if signals is not None:
            names = self.names
            if missing := [name for name in signals if name not in names]:
                raise InputError(f"signal {missing[0]!r} is not in the signal table")
            columns = np.array([names.index(name) for name in signals], dtype=np.int64)
        return SignalTable(
            ids=tuple(self.ids[i] for i in rows),
            values=self.values[np.ix_(rows, columns)],
            infos=tuple(self.infos[i] for i in columns),
            measured=self.measured[np.ix_(rows, columns)],
        )

    def join(self, other: SignalTable) -> SignalTable:
        """Columns of both tables; records are matched by id, never by order."""
        aligned = other.select(ids=self.ids)
        return SignalTable(
            ids=self.ids,
            values=np.concatenate([self.values, aligned.values], axis=1),
            infos=self.infos + aligned.infos,
            measured=np.concatenate([self.measured, aligned.measured], axis=1),
        )


@dataclass(frozen=True, eq=False)
class ReferenceTable:
    """The same signals of m reference (shadow) models, whose membership the attacker knows.

    Args:
        ids: (n,) record ids.
        models: (m,) model ids.
        values: (m, n, s) float64.
        infos: s signal descriptions.
        measured: (m, n, s) bool.
        member: (m, n) bool, whether model i was trained on record j.
    """

    ids: tuple[str, ...]
    models: tuple[str, ...]
    values: Floats
    infos: tuple[SignalInfo, ...]
    measured: Bools
    member: Bools

    def __post_init__(self) -> None:
        m, n, s = len(self.models), len(self.ids), len(self.infos)
        if self.values.shape != (m, n, s) or self.measured.shape != (m, n, s):
            raise InputError(
                f"a reference table of {m} models, {n} records and {s} signals needs values of "
                f"shape {(m, n, s)}, got {self.values.shape}"
            )
        if self.member.shape != (m, n):
            raise InputError(f"reference membership must be {(m, n)}, got {self.member.shape}")
        if np.isnan(self.values[self.measured]).any():
            raise InputError("a reference table holds NaN where it says it was measured")
        _keep_read_only(self, "values", "measured", "member")


@dataclass(frozen=True, eq=False)
class Scores:
    """What an attack answers: one number per record, higher = more likely a member.

    Args:
        ids: (n,) record ids.
        values: (n,) float64; may be infinite, never NaN where measured.
        measured: (n,) bool; False where the attack could not say anything about the record.
        attack: name of the attack.
        signal: name of the signal it used.
    """

    ids: tuple[str, ...]
    values: Floats
    measured: Bools
    attack: str
    signal: str
    settings: dict[str, object] = field(default_factory=dict)
