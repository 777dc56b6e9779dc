"""Whether a set was used for training."""

from __future__ import annotations

import itertools
import math
from statistics import fmean, variance

import numpy as np
import pytest
from scipy.stats import rankdata

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
    assert found.p_value == exact
    assert found.permutations == 252
    assert found.floor == 1 / 252
    assert found.effect == pytest.approx(5 / np.sqrt(2.5))
    assert permutation_test(scores, ~owned, seed=0).p_value == 1


def test_whole_subjects_are_permuted() -> None:
    # Ten copies of each record make no more subjects, so the p-value stays what it is.
    scores = np.repeat(np.arange(10.0), 10)
    units = [f"s{i // 10}" for i in range(100)]
    found = permutation_test(scores, scores >= 5, units=units, permutations=5000, seed=1)
    assert found.p_value == 1 / 252
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


def slow_twin(scores: np.ndarray, owned: np.ndarray, units: list[str]) -> tuple[float, float]:
    """p-value and statistic, by going through all assignments one at a time."""
    names = list(dict.fromkeys(units))
    ranks = rankdata(scores)
    means = [np.mean([r for r, u in zip(ranks, units, strict=True) if u == n]) for n in names]
    of_unit = dict(zip(names, rankdata(np.round(means, 9)).tolist(), strict=True))
    mine = {units[i] for i in range(len(units)) if owned[i]}

    def welch(chosen: set[str]) -> float:
        one = [of_unit[n] for n in names if n in chosen]
        other = [of_unit[n] for n in names if n not in chosen]
        error = variance(one) / len(one) + variance(other) / len(other)
        return (fmean(one) - fmean(other)) / math.sqrt(error)

    observed = welch(mine)
    ways = [welch(set(way)) for way in itertools.combinations(names, len(mine))]
    return sum(way >= observed - 1e-9 for way in ways) / len(ways), observed


def test_every_unit_counts_once_by_hand() -> None:
    # A is one picture three times, so there are ten units. Those of the owner have the ranks 9, 8,
    # 7, 6, 2, those that are comparable 10, 5, 4, 3, 1: the statistic is
    # (6.4 - 4.6) / sqrt(7.3 / 5 + 11.3 / 5). With five units a side it grows with the sum of ranks
    # alone, and 53 of the 252 assignments have a sum of 32 or more.
    scores = np.array([9.0, 10, 11, 8, 7, 6, 2, 12, 5, 4, 3, 1])
    units = ["A", "A", "A", "B", "C", "D", "E", "a", "b", "c", "d", "e"]
    owned = np.arange(12) < 7
    exact, statistic = slow_twin(scores, owned, units)
    assert statistic == pytest.approx(1.8 / np.sqrt(7.3 / 5 + 11.3 / 5))
    assert exact == sum(sum(way) >= 32 for way in itertools.combinations(range(1, 11), 5)) / 252
    assert exact == 53 / 252
    found = permutation_test(scores, owned, units=units)
    assert (found.p_value, found.permutations) == (exact, 252)
    # More copies of one picture are no more evidence.
    more, mine = np.concatenate([scores, [10.0] * 30]), np.concatenate([owned, [True] * 30])
    assert permutation_test(more, mine, units=[*units, *["A"] * 30]).p_value == exact


def test_random_assignments_approach_all_of_them() -> None:
    generator = np.random.default_rng(5)
    units = [f"u{i // 2}" if i < 12 else f"v{i}" for i in range(20)]
    scores = generator.normal(size=20) + (np.arange(20) < 12) * 0.7
    owned = np.arange(20) < 12
    exact, _ = slow_twin(scores, owned, units)
    assert permutation_test(scores, owned, units=units).p_value == pytest.approx(exact, abs=1e-12)
    drawn = permutation_test(scores, owned, units=units, permutations=2000, seed=3)
    assert drawn.permutations == 2000  # of 3003
    assert drawn.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 2000))


def null_worlds(sizes: tuple[list[int], list[int]], likeness: float, by_unit: bool) -> float:
    """Share of worlds without use in which the test answers at 5 %."""
    member = np.repeat([True, False], [sum(sizes[0]), sum(sizes[1])])
    of = np.repeat(np.arange(len(sizes[0]) + len(sizes[1])), [*sizes[0], *sizes[1]])
    units = [f"u{i}" for i in of] if by_unit else None
    generator = np.random.default_rng(11)
    found = []
    for world in range(400):
        own = generator.normal(size=of.max() + 1)[of]
        scores = np.sqrt(likeness) * own + np.sqrt(1 - likeness) * generator.normal(size=len(of))
        tested = permutation_test(scores, member, units=units, permutations=199, seed=world)
        found.append(tested.p_value <= 0.05)
    return float(np.mean(found))


COPIES = ([8] * 8 + [1] * 12, [1] * 40)
"""Eight pictures of the owner eight times each, twelve once; forty comparable ones once."""


def test_near_copies_keep_the_level_as_one_unit_and_not_as_records() -> None:
    assert null_worlds(COPIES, 0.99, by_unit=True) == pytest.approx(0.05, abs=0.035)
    assert null_worlds(COPIES, 0.99, by_unit=False) > 0.12


def test_subjects_of_unequal_numbers_of_records_keep_the_level() -> None:
    unequal = ([1] * 12, [12] * 30)
    assert null_worlds(unequal, 0.2, by_unit=True) == pytest.approx(0.05, abs=0.035)
