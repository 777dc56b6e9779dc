"""Operating points by hand, and the best threshold against a loop over all."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from pixleak.evaluation.statistics.intervals import resampled_counts
from pixleak.evaluation.statistics.operating import (
    _best_replicates,
    best_threshold,
    operating_point,
    oracle_point,
)
from pixleak.evaluation.statistics.rates import clopper_pearson
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import sample_of


def balanced(scores, member, threshold) -> float:
    return float(((scores[member] > threshold).mean() + (scores[~member] <= threshold).mean()) / 2)


def test_rates_at_a_threshold_by_hand() -> None:
    # 8 of 10 members and 3 of 10 non-members lie above 0.
    scores = np.array([1.0] * 8 + [-1.0] * 2 + [1.0] * 3 + [0.0] * 7)
    point = operating_point("shadow", sample_of(scores, np.arange(20) < 10), 0.0)
    assert (point.tpr.successes, point.tpr.trials, point.fpr.successes) == (8, 10, 3)
    assert point.balanced_accuracy.value == pytest.approx((0.8 + 0.7) / 2)
    assert point.f1 == pytest.approx(2 * 8 / (2 * 8 + 3 + 2))
    # MOVER: down by half the diagonal of the two distances.
    tpr, fpr = clopper_pearson(8, 10), clopper_pearson(3, 10)
    down = ((0.8 - tpr.low) ** 2 + (fpr.high - 0.3) ** 2) ** 0.5 / 2
    assert point.balanced_accuracy.low == pytest.approx(0.75 - down)


def test_f1_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, member = rng.normal(size=200), rng.random(200) < 0.3
    point = operating_point("shadow", sample_of(scores, member), 0.3)
    assert point.f1 == pytest.approx(f1_score(member, scores > 0.3))


def test_nobody_above_the_threshold() -> None:
    point = operating_point("shadow", sample_of(np.arange(20.0), np.arange(20) < 10), np.inf)
    assert (point.f1, point.balanced_accuracy.value, point.tpr.value) == (0.0, 0.5, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_best_threshold_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    member = np.arange(60) < 25
    scores = (rng.normal(size=60) + member).round(1)
    best = balanced(scores, member, best_threshold(roc_of(scores, member)))
    assert best == max(balanced(scores, member, t) for t in [*scores, np.inf, -np.inf])


@pytest.mark.parametrize("clustered", [False, True])
def test_replicates_choose_their_own_threshold(clustered: bool) -> None:
    rng = np.random.default_rng(1)
    member = np.arange(40) < 20
    scores = (rng.normal(size=40) + member).round(1)
    units = [f"s{i // 2}" for i in range(40)] if clustered else None
    sample = sample_of(scores, member, units)
    best = _best_replicates(sample, 10, np.random.default_rng(2))
    (drawn,) = resampled_counts(sample, 10, np.random.default_rng(2))
    for i, value in enumerate(best):
        inside = np.repeat(sample.members.scores, drawn[0][i])
        outside = np.repeat(sample.nonmembers.scores, drawn[1][i])
        again = np.concatenate([inside, outside])
        truth = np.arange(len(again)) < len(inside)
        expected = max(balanced(again, truth, t) for t in [*again, np.inf])
        assert value == pytest.approx(expected)


def test_oracle_without_a_leak_reaches_down_to_one_half() -> None:
    # Percentiles of the replicates would exclude one half almost always.
    rng = np.random.default_rng(3)
    member = np.arange(200) < 100
    held = 0
    for seed in range(50):
        scores = rng.normal(size=200)
        point = oracle_point(sample_of(scores, member), roc_of(scores, member), seed=seed)
        interval = point.balanced_accuracy
        assert interval.low <= interval.value <= interval.high
        held += interval.low <= 0.5
    assert held >= 44


def test_oracle_with_a_leak() -> None:
    rng = np.random.default_rng(4)
    member = np.arange(400) < 200
    scores = rng.normal(size=400) + 2 * member
    interval = oracle_point(sample_of(scores, member), roc_of(scores, member)).balanced_accuracy
    assert 0.7 < interval.low < stats.norm.cdf(1.0) < interval.high < 0.95


def test_complete_separation_is_not_certain() -> None:
    scores, member = np.arange(60.0), np.arange(60) >= 30
    point = oracle_point(sample_of(scores, member), roc_of(scores, member))
    assert (point.balanced_accuracy.value, point.threshold) == (1.0, 29.0)
    assert 0.85 < point.balanced_accuracy.low < 0.95
