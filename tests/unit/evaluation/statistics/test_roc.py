"""The ROC against a definition that loops over everything, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from sklearn.metrics import roc_auc_score, roc_curve

from pixleak.core.errors import InputError
from pixleak.evaluation.statistics.roc import allowed_false_positives, roc_of

# Few distinct values, so that ties are common; infinities are scores like others.
VALUES = st.sampled_from([-np.inf, -2.0, -0.5, 0.0, 0.5, 1.0, 3.0, np.inf])


@st.composite
def samples(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    members = draw(st.lists(VALUES, min_size=1, max_size=12))
    nonmembers = draw(st.lists(VALUES, min_size=1, max_size=12))
    member = np.arange(len(members) + len(nonmembers)) < len(members)
    order = np.array(draw(st.permutations(range(len(member)))))
    return np.array(members + nonmembers)[order], member[order]


@given(samples())
def test_every_point_is_counted_as_defined(sample) -> None:
    scores, member = sample
    roc = roc_of(scores, member)
    assert roc.thresholds[:-1].tolist() == sorted(set(scores.tolist()), reverse=True)
    for threshold, hits, alarms in zip(
        roc.thresholds[:-1], roc.true_positives, roc.false_positives, strict=False
    ):
        assert hits == sum(1 for s, m in zip(scores, member, strict=True) if m and s > threshold)
        assert alarms == sum(
            1 for s, m in zip(scores, member, strict=True) if not m and s > threshold
        )
    assert roc.true_positives[-1] == roc.members == member.sum()
    assert roc.false_positives[-1] == roc.nonmembers


@given(samples())
def test_auc_is_the_mann_whitney_statistic(sample) -> None:
    scores, member = sample
    halves = 0
    for a in scores[member]:
        for b in scores[~member]:
            halves += 2 if a > b else 1 if a == b else 0
    assert roc_of(scores, member).auc == halves / (2 * member.sum() * (~member).sum())


@given(samples(), st.sampled_from([0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.99]))
def test_at_fpr_finds_the_most_members(sample, fpr) -> None:
    scores, member = sample
    point = roc_of(scores, member).at_fpr(fpr)
    best = 0
    for threshold in [np.inf, *scores]:
        alarms = int((scores[~member] > threshold).sum())
        if alarms <= fpr * (~member).sum() + 1e-9:
            best = max(best, int((scores[member] > threshold).sum()))
    assert point.true_positives == best
    assert (scores[member] > point.threshold).sum() == point.true_positives
    assert (scores[~member] > point.threshold).sum() == point.false_positives


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, member = rng.normal(size=300).round(1), rng.random(300) < 0.4
    roc = roc_of(scores, member)
    fpr, tpr, thresholds = roc_curve(member, scores, drop_intermediate=False)
    assert np.allclose(roc.fpr, fpr)
    assert np.allclose(roc.tpr, tpr)
    # scikit-learn calls a member where score >= threshold: its next threshold is ours.
    assert np.allclose(roc.thresholds[:-1], thresholds[1:])
    assert roc.auc == pytest.approx(roc_auc_score(member, scores), abs=1e-12)


def test_at_fpr_by_hand() -> None:
    # Ten non-members 0..9; members 9.5, 8.5, 8.5, 0.5. At 10 % one false positive is allowed (9),
    # so the threshold is the next non-member, 8.
    scores = np.array([*range(10), 9.5, 8.5, 8.5, 0.5])
    roc = roc_of(scores, np.arange(14) >= 10)
    point = roc.at_fpr(0.1)
    assert (point.threshold, point.true_positives, point.false_positives) == (8.0, 3, 1)
    assert roc.at_fpr(0.0999).true_positives == 1


def test_corners_draw_the_same_curve() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(400) < 200
    roc = roc_of(rng.normal(size=400) + 2 * member, member)
    fpr, tpr = roc.corners()
    assert len(fpr) < len(roc.fpr)
    assert trapezoid(tpr, fpr) == pytest.approx(roc.auc)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)


def test_rounding_does_not_take_a_false_positive_away() -> None:
    for n in range(1, 2000):
        for k in (1, 3, 7, 29):
            assert allowed_false_positives(k / n, n) == k
    assert allowed_false_positives(0.001, 999) == 0


@pytest.mark.parametrize(
    ("scores", "member", "message"),
    [
        ([1.0, np.nan], [True, False], "record 1 is NaN"),
        ([1.0, 2.0], [True, True], "2 members and 0 non-members"),
        ([1.0, 2.0, 3.0], [True, False], r"shapes \(3,\) and \(2,\)"),
    ],
)
def test_bad_input(scores, member, message) -> None:
    with pytest.raises(InputError, match=message):
        roc_of(np.array(scores), np.array(member))
