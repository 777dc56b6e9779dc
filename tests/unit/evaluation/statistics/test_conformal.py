"""The rank of one record among comparable ones."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.statistics.conformal import conformal_rank, joint_residuals


def test_the_rank_of_a_record_by_hand() -> None:
    found = conformal_rank(0.9, np.arange(99) / 100)  # .90 to .98 are at least as high: 9 of 99
    assert (found.above.successes, found.above.trials) == (9, 99)
    assert found.p_value == pytest.approx(0.1)
    assert found.above.low < 1 / 11 < found.above.high
    assert conformal_rank(5.0, np.zeros(19)).p_value == pytest.approx(0.05)


def test_p_values_of_non_members_are_uniform() -> None:
    generator = np.random.default_rng(0)
    found = []
    for _ in range(600):
        difficulty = generator.normal(size=(40, 2))
        errors = difficulty @ [1.0, -2.0] + generator.normal(size=40) * 0.3
        residuals = joint_residuals(difficulty, -errors)
        found.append(conformal_rank(float(residuals[0]), residuals[1:]).p_value)
    shares = [(np.array(found) <= level).mean() for level in (0.05, 0.1, 0.5)]
    assert shares == pytest.approx([0.05, 0.1, 0.5], abs=0.05)


def test_residuals_equal_a_plain_fit() -> None:
    generator = np.random.default_rng(1)
    columns, values = generator.normal(size=(30, 2)), generator.normal(size=30)
    design = np.column_stack([np.ones(30), columns])
    hat = design @ np.linalg.inv(design.T @ design) @ design.T
    residuals = values - hat @ values
    spread = np.sqrt((residuals**2).sum() / 27)
    expected = residuals / (spread * np.sqrt(1 - np.diag(hat)))
    assert joint_residuals(columns, values) == pytest.approx(expected)
    doubled = np.column_stack([columns, columns[:, 0]])  # rank deficient
    assert joint_residuals(doubled, values) == pytest.approx(expected)
    assert joint_residuals(columns, np.zeros(30)).tolist() == [0.0] * 30
