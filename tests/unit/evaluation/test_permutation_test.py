"""Whether a set was used for training."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.evaluation.permutation_test import permutation_test


def test_a_set_by_hand() -> None:
    # 5 + 5 records, the owner's all above: the true labels are 1 of 252 ways to deal them.
    scores = np.arange(10.0)
    owned = scores >= 5
    found = permutation_test(scores, owned, permutations=20_000, seed=0)
    ways = list(itertools.combinations(range(10), 5))
    exact = sum(sum(way) >= sum(range(5, 10)) for way in ways) / len(ways)
    assert exact == 1 / 252
    assert found.p_value == pytest.approx(exact, abs=0.002)
    assert found.floor == 1 / 252
    assert found.effect == pytest.approx(5 / np.sqrt(2.5))
    assert permutation_test(scores, ~owned, seed=0).p_value > 0.99


def test_whole_subjects_are_permuted() -> None:
    # Ten copies of each record make no more subjects, so the p-value stays what it is.
    scores = np.repeat(np.arange(10.0), 10)
    units = [f"s{i // 10}" for i in range(100)]
    found = permutation_test(scores, scores >= 5, units=units, permutations=5000, seed=1)
    assert found.p_value == pytest.approx(1 / 252, abs=0.003)
    assert permutation_test(scores, scores >= 5, permutations=5000, seed=1).p_value == 1 / 5001


def test_a_fair_set_is_not_found() -> None:
    generator = np.random.default_rng(2)
    found = [
        permutation_test(
            generator.normal(size=40), np.arange(40) < 20, permutations=200, seed=i
        ).p_value
        for i in range(300)
    ]
    assert (np.array(found) <= 0.05).mean() == pytest.approx(0.05, abs=0.035)


def test_what_cannot_be_tested_is_refused() -> None:
    scores = np.arange(20.0)
    with pytest.raises(InputError, match="at least 5 independent subjects in each set, got 4 and"):
        permutation_test(scores, scores < 4)
    with pytest.raises(InputError, match="a subject is in both sets"):
        permutation_test(scores, scores < 10, units=["a"] * 20)
    with pytest.raises(InputError, match="NaN"):
        permutation_test(np.array([np.nan] * 20), scores < 10)
