"""Signal tables from plain arrays, for tests of attacks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pixleak.core.tables import ReferenceTable, SignalInfo, SignalTable


def _infos(count: int, names: Sequence[str] | None) -> tuple[SignalInfo, ...]:
    names = names or [f"s{k}" for k in range(count)]
    return tuple(SignalInfo(name=name, unit="1", members_are="higher") for name in names)


def observed(values: ArrayLike, names: Sequence[str] | None = None) -> SignalTable:
    """(n,) or (n, s) values, NaN where not measured; higher = member."""
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    ids = tuple(f"r{j}" for j in range(len(array)))
    return SignalTable(ids, array.copy(), _infos(array.shape[1], names), ~np.isnan(array))


def references(
    values: ArrayLike, member: ArrayLike, names: Sequence[str] | None = None
) -> ReferenceTable:
    """(m, n) or (m, n, s) values, NaN where not measured, and (m, n) membership."""
    array = np.asarray(values, dtype=np.float64)
    array = array[:, :, None] if array.ndim == 2 else array
    m, n, s = array.shape
    return ReferenceTable(
        tuple(f"r{j}" for j in range(n)),
        tuple(f"m{i}" for i in range(m)),
        array.copy(),
        _infos(s, names),
        ~np.isnan(array),
        np.asarray(member, dtype=bool).reshape(m, n),
    )
