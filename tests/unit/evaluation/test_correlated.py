from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.correlated import correlated_control, design_effect, same_side_test
from pixleak.evaluation.statistics.sample import Ints

TRIPLETS: Ints = np.array(
    [
        (3 * (i // 3) + a, 3 * (i // 3) + b)
        for i in range(60)
        for a in (i % 3,)
        for b in range(3)
        if b != a
    ]
)


def test_triplets_with_equal_scores_have_the_design_effect_of_kish() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=20), 3)
    assert design_effect(TRIPLETS, np.arange(60) < 30, values) == pytest.approx(1 + 2 * 1.0)


def test_the_design_effect_of_scores_that_are_all_equal_is_one() -> None:
    assert design_effect(TRIPLETS, np.arange(60) < 30, np.zeros(60)) == 1.0


def test_triplets_on_one_side_fail_where_their_scores_are_alike() -> None:
    generator = np.random.default_rng(1)
    member, unit = np.arange(60) < 30, np.arange(60)
    alike = np.repeat(generator.normal(size=20), 3)
    failed = correlated_control(TRIPLETS, member, unit, [alike])
    assert failed.passed is False
    assert "design effect" in failed.explanation
    assert "as a subject" in failed.explanation
    constant = correlated_control(TRIPLETS, member, unit, [np.zeros(60)])
    assert constant.passed is True


def test_a_record_that_was_not_measured_is_left_out_of_the_design_effect() -> None:
    values = np.repeat(np.random.default_rng(0).normal(size=20), 3)
    values[0] = np.nan
    assert 1 < design_effect(TRIPLETS, np.arange(60) < 30, values) < 3


def test_no_pictures_to_compare_is_not_measured() -> None:
    none: Ints = np.zeros((0, 2), dtype=np.int64)
    assert correlated_control(none, np.arange(20) < 10, np.arange(20), []).passed is None


def test_membership_drawn_record_by_record_fails_in_no_more_than_its_level() -> None:
    generator = np.random.default_rng(5)
    p_values = []
    for seed in range(200):
        member = generator.permutation(60) < 30
        p_values.append(same_side_test(TRIPLETS, member, np.arange(60), seed=seed)[0])
    assert np.mean(np.array(p_values) <= 0.05) <= 0.09


def test_a_leak_does_not_change_the_test() -> None:
    member, unit = np.random.default_rng(2).permutation(60) < 30, np.arange(60)
    scores = np.where(member, 5.0, 0.0)
    assert correlated_control(TRIPLETS, member, unit, [scores]).passed is True
