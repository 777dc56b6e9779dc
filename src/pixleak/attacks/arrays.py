"""Signal tables from plain arrays, for attacks on numbers that were measured elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from pixleak.attacks.evidence import Population
from pixleak.core.errors import InputError
from pixleak.core.plain_arrays import booleans, real_numbers
from pixleak.core.tables import Floats, ReferenceTable, SignalInfo, SignalTable

End = Literal["lower", "higher"]
"""Which end members are expected at."""


def arrays_to_tables(
    target: ArrayLike,
    reference: ArrayLike | None,
    member: ArrayLike | None,
    population: ArrayLike | None,
    population_reference: ArrayLike | None,
    population_member: ArrayLike | None,
    *,
    members_are: End | Sequence[End],
    ids: Sequence[str] | None = None,
) -> tuple[SignalTable, ReferenceTable | None, Population | None]:
    """The tables that ``Attack.score`` takes, from the arrays that ``Attack.score_arrays`` takes.

    Raises:
        InputError: shapes do not fit, or an id occurs twice.
    """
    values = _signals("target", target, 1)
    infos = _infos(members_are, values.shape[1])
    names = tuple(str(i) for i in range(len(values))) if ids is None else tuple(ids)
    if len(names) != len(values):
        raise InputError(f"target holds {len(values)} records, but there are {len(names)} ids")
    observed = SignalTable(names, values, infos, ~np.isnan(values))
    references = _references("reference", "member", reference, member, observed)
    if population is None:
        if population_reference is not None or population_member is not None:
            raise InputError("population_reference and population_member go with population")
        return observed, references, None
    others = _signals("population", population, 1)
    _same_signals("population", others, infos)
    others_names = tuple(f"population-{i}" for i in range(len(others)))
    outer = SignalTable(others_names, others, infos, ~np.isnan(others))
    if population_reference is not None and population_member is None:
        population_member = np.zeros(np.shape(population_reference)[:2], dtype=bool)
    outer_references = _references(
        "population_reference", "population_member", population_reference, population_member, outer
    )
    return observed, references, Population(outer, outer_references)


def _signals(what: str, given: ArrayLike, axes: int) -> Floats:
    """A float64 copy with a signal axis behind ``axes`` others."""
    values = real_numbers(given, what)
    if values.ndim == axes:
        values = values[..., None]
    if values.ndim != axes + 1:
        shape = "(n,) or (n, s)" if axes == 1 else "(m, n) or (m, n, s)"
        raise InputError(f"{what} must have the shape {shape}, got {np.shape(given)}")
    if not values.size:
        raise InputError(f"{what} holds no values: its shape is {np.shape(given)}")
    return values


def _infos(members_are: End | Sequence[End], signals: int) -> tuple[SignalInfo, ...]:
    ends: list[Any] = [members_are] * signals
    if isinstance(members_are, list | tuple):
        ends = list(members_are)
    if len(ends) != signals or not set(ends) <= {"lower", "higher"}:
        raise InputError(
            "members_are must be 'lower' or 'higher', or one of them for each of the "
            f"{signals} signals, got {members_are!r}"
        )
    return tuple(
        SignalInfo(name=f"signal-{k}", unit="1", members_are=end) for k, end in enumerate(ends)
    )


def _same_signals(what: str, values: Floats, infos: Sequence[SignalInfo]) -> None:
    if values.shape[-1] != len(infos):
        raise InputError(f"{what} holds {values.shape[-1]} signals, but target holds {len(infos)}")


def _references(
    what: str,
    whose: str,
    given: ArrayLike | None,
    member: ArrayLike | None,
    observed: SignalTable,
) -> ReferenceTable | None:
    if given is None and member is None:
        return None
    if given is None or member is None:
        raise InputError(f"{what} and {whose} go together")
    values = _signals(what, given, 2)
    _same_signals(what, values, observed.infos)
    held = booleans(member, whose)
    records = len(observed.ids)
    if values.shape[1] != records or held.shape != values.shape[:2]:
        raise InputError(
            f"{what} and {whose} must hold m models by {records} records, got the shapes "
            f"{values.shape[:2]} and {held.shape}"
        )
    models = tuple(f"model-{i}" for i in range(len(values)))
    return ReferenceTable(observed.ids, models, values, observed.infos, ~np.isnan(values), held)
