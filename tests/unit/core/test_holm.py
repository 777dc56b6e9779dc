"""Holm's correction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixleak.core.holm import holm


def test_holm_by_hand() -> None:
    # Sorted .005 .011 .02 .04 times 4 3 2 1 is .02 .033 .04 .04.
    assert holm([0.02, 0.005, 0.04, 0.011]) == pytest.approx([0.04, 0.02, 0.04, 0.033])
    # Sorted .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04, of which the last is raised.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_its_definition(p_values: list[float]) -> None:
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    for rank, index in enumerate(order):
        slow = max(min(1.0, (len(order) - r) * p_values[order[r]]) for r in range(rank + 1))
        assert holm(p_values)[index] == slow
