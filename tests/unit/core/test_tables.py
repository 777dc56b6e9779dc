"""Tables keep what they were given, and leave it to the caller."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.core.tables import ReferenceTable, SignalInfo, SignalTable

LOSS = SignalInfo(name="loss", unit="1", members_are="lower")


def test_the_callers_arrays_stay_writable_and_the_tables_are_not() -> None:
    values, measured = np.zeros((2, 1)), np.ones((2, 1), dtype=bool)
    table = SignalTable(("a", "b"), values, (LOSS,), measured)
    many, known = np.zeros((3, 2, 1)), np.ones((3, 2, 1), dtype=bool)
    member = np.zeros((3, 2), dtype=bool)
    reference = ReferenceTable(("a", "b"), ("x", "y", "z"), many, (LOSS,), known, member)
    for kept, given in (
        (table.values, values),
        (table.measured, measured),
        (reference.values, many),
        (reference.measured, known),
        (reference.member, member),
    ):
        with pytest.raises(ValueError, match="read-only"):
            kept[...] = 1
        given[...] = 1
