"""Samples that cannot be evaluated, and draws with replacement."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.evaluation.statistics.sample import drawn_units, sample_of


def test_draws_count_units_with_replacement() -> None:
    counts = drawn_units(7, 50, np.random.default_rng(0))
    drawn = np.random.default_rng(0).integers(0, 7, (50, 7))
    assert counts.shape == (50, 7)
    for row, units in zip(counts, drawn, strict=True):
        assert row.tolist() == [int((units == u).sum()) for u in range(7)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, m, u: (s, m, ["x"] * 30), "the 15 members come from 1 subject;"),
        (lambda s, m, u: (s, m, [u[0], *u[1:15], u[0], *u[16:]]), "is on both sides"),
        (lambda s, m, u: (s, m, u[:-1]), "30 scores but 29 subjects"),
        (lambda s, m, u: (s, np.arange(30) < 9, None), "too few members: 9"),
        (lambda s, m, u: (s, np.arange(30) < 21, None), "too few non-members: 9"),
        (lambda s, m, u: (s, m.astype(int), None), "must be booleans"),
        (lambda s, m, u: (s[:-1], m, None), "one number per record"),
        (lambda s, m, u: (np.append(s[:-1], np.nan), m, None), "record 29 is NaN"),
    ],
)
def test_bad_samples(change, message) -> None:
    scores, member = np.arange(30.0), np.arange(30) < 15
    units = [f"{'mn'[i // 15]}{i % 6}" for i in range(30)]
    with pytest.raises(InputError, match=message):
        sample_of(*change(scores, member, units))
