"""What every attack shares: one checked way from signal tables to one score a record.

An attack is a frozen dataclass of its parameters, so that ``repr``, equality and the settings
saved with a result come from the fields. :meth:`Attack.score` is final. It does once what every
attack needs: records and signals are joined by id and name, never by order; every value is
multiplied by its signal's sign, so that the arithmetic only ever sees "higher = member"; records
without a measurement are left out and come back as not measured; the answer is checked for
shape and NaN. A subclass writes :meth:`Attack._score`, plain arithmetic on :class:`Evidence`.

An attack never learns who the target's members are. It may look at membership in the
*reference* models, which are the attacker's own, but no feature of a score may depend on how
many of them hold a record: where each record is in exactly half of all models, those counts
give the target's bit away.

How the known attacks fit (``e`` is the evidence, axes ``(model, record)``):

===========================  ======================================================================
threshold                    ``e.values``
difficulty calibration       ``e.values - mean(e.reference, where=e.outside)``; ``min_outside = 1``
LiRA offline                 ``norm.logcdf`` of the value under ``e.reference[e.outside]``
LiRA online                  the log density under ``e.inside`` minus that under ``e.outside``
RMIA                         the value's ratio to its OUT mean, against the same ratio of the
                             records ``z`` in ``e.population``; ``needs_population = True``
quantile regression          ``signals = "many"``: the first signal regressed on the others,
                             fitted on ``e.population``, known non-members; no references
stratified LiRA              ``signals = "many"``, one signal a stratum, ``partial = True``: a class
                             that a record lacks is not measured, the others still count
learned on residuals         ``signals = "many"``; row ``i`` of ``e.reference`` plays the target and
                             the other rows its references, ``e.member[i]`` are the labels
===========================  ======================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal, TypeVar, final

import numpy as np

from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import Bools, Floats, ReferenceTable, Scores, SignalInfo, SignalTable


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
        population: the same of the population's records, if there are any.
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


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """Turns what was observed of a target into one score a record."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    signals: ClassVar[Literal["one", "many"]] = "one"
    min_references: ClassVar[int] = 0
    """Fewest reference models."""
    min_inside: ClassVar[int] = 0
    """Fewest reference models trained on a record, for every record."""
    min_outside: ClassVar[int] = 0
    """Fewest reference models not trained on a record, for every record."""
    needs_population: ClassVar[bool] = False
    partial: ClassVar[bool] = False
    """Whether a record that lacks some of the signals is scored from the others."""
    recordwise: ClassVar[bool] = False
    """Whether a record's score depends on that record's values alone."""
    named_by_signals: ClassVar[bool] = False
    """Whether an audit may run it on several lists of signals, whose names tell it apart then."""
    natural_threshold: ClassVar[float | None] = None
    """The cut that the method itself suggests, before anything is scored: 0 for a log-likelihood
    ratio or a classifier's logit; None where it suggests none."""

    @final
    def score(
        self,
        observed: SignalTable,
        reference: ReferenceTable | None = None,
        population: Population | None = None,
    ) -> Scores:
        """One score a record of ``observed``, in its order; higher = more likely a member.

        Args:
            observed: the target's signals, n records.
            reference: the same signals of reference models on the same records, any order.
            population: records known to be outside the target's training set.

        Raises:
            InputError: the tables do not hold the same records or signals, or the arithmetic
                ends in NaN.
            UnmetNeedError: the attack needs more references, or a population.
        """
        if self.signals == "one" and len(observed.infos) != 1:
            raise InputError(
                f"attack {self.name!r} takes one signal, got {len(observed.infos)}: "
                f"{', '.join(observed.names) or 'none'}; select one"
            )
        if not observed.infos:
            raise InputError(f"attack {self.name!r} needs at least one signal, got none")
        if self.needs_population and population is None:
            raise UnmetNeedError(
                f"attack {self.name!r} needs a population: records that the target was not "
                "trained on"
            )
        evidence = _evidence(observed, reference, None)
        scored = self._scorable(evidence)
        if population is not None:
            outer = _evidence(
                population.observed.select(signals=observed.names), population.reference, reference
            )
            evidence = replace(evidence, population=_chosen(outer, self._scorable(outer)))
        evidence = _chosen(evidence, scored)
        ids = tuple(key for key, kept in zip(observed.ids, scored, strict=True) if kept)
        self._check_references(evidence, ids)
        if self.signals == "one":
            evidence = _first_signal(evidence)
        values = np.zeros(len(observed.ids))
        if scored.any():
            values[scored] = self._checked(self._score(evidence), ids)
        return Scores(
            ids=observed.ids,
            values=values,
            measured=scored,
            attack=self.name,
            signal="+".join(observed.names),
            settings={f.name: getattr(self, f.name) for f in fields(self)},
        )

    @abstractmethod
    def _score(self, evidence: Evidence) -> Floats:
        """(n,) scores of the n records in ``evidence``, all measured; ±inf is allowed."""

    def _scorable(self, evidence: Evidence) -> Bools:
        measured = evidence.measured
        scorable: Bools = (np.any if self.partial else np.all)(measured, axis=1)
        return scorable

    def _check_references(self, evidence: Evidence, ids: Sequence[str]) -> None:
        models = len(evidence.reference)
        if models < self.min_references:
            raise UnmetNeedError(
                f"attack {self.name!r} needs at least {self.min_references} reference models, "
                f"got {models}"
            )
        for needed, holds, words in (
            (self.min_inside, True, "trained on it"),
            (self.min_outside, False, "not trained on it"),
        ):
            if not needed:
                continue
            if evidence.reference_measured.all():  # one count for all signals
                count = (evidence.member == holds).sum(axis=0)
            else:
                mask = evidence.inside if holds else evidence.outside
                # A signal that a record lacks is no reason to refuse where the attack is partial.
                count = np.where(evidence.measured, mask.sum(axis=0), needed).min(axis=1)
            if len(count) and count.min() < needed:
                j = int(count.argmin())
                raise UnmetNeedError(
                    f"attack {self.name!r} needs at least {needed} reference models {words} for "
                    f"each record, but {ids[j]!r} has {count[j]}"
                )

    def _checked(self, values: Floats, ids: Sequence[str]) -> Floats:
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (len(ids),):
            raise InputError(
                f"attack {self.name!r} answered with shape {values.shape} for {len(ids)} records"
            )
        if np.isnan(values).any():
            raise InputError(
                f"attack {self.name!r} scored record {ids[int(np.isnan(values).argmax())]!r} as "
                "NaN: its signal, or a reference's, is infinite or was not measured"
            )
        return values


def _evidence(
    observed: SignalTable, reference: ReferenceTable | None, models_like: ReferenceTable | None
) -> Evidence:
    """Join by record, signal and (for a population) model; orient; mark what is missing by NaN."""
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


def _chosen(evidence: Evidence, rows: Bools) -> Evidence:
    """Only these records."""
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


def _first_signal(evidence: Evidence) -> Evidence:
    """The same without the signal axis."""
    outer = evidence.population
    return Evidence(
        values=evidence.values[:, 0],
        measured=evidence.measured[:, 0],
        reference=evidence.reference[:, :, 0],
        reference_measured=evidence.reference_measured[:, :, 0],
        member=evidence.member,
        population=None if outer is None else _first_signal(outer),
    )
