"""Utility from sums over records: worked examples, the bootstrap, and what has no interval."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.evaluation.utility import dice_parts, interval_of_sums, mean_iou, mean_of_sums

# Three records of 10 pixels, classes background and lesion: right (2), true (2), predicted (2).
COUNTS = np.array(
    [
        [7.0, 1, 8, 2, 8, 2],  # of 2 lesion pixels 1 is found, and 1 is found that is none
        [10, 0, 10, 0, 10, 0],  # nothing there, nothing found
        [8, 0, 10, 0, 8, 2],  # nothing there, 2 pixels found
    ]
)


def test_dice_counts_what_is_found_where_nothing_is_and_leaves_out_what_is_empty() -> None:
    # 2 * 1 / (2 + 2); no foreground at all; 2 * 0 / (0 + 2).
    assert dice_parts(COUNTS, background=0).tolist() == [[0.5, 1], [0, 0], [0, 1]]
    # Without a background all classes count: (14/16 + 1/2) / 2, 1, (16/18 + 0) / 2.
    found = dice_parts(COUNTS, background=None)
    assert found[:, 0] == pytest.approx([0.6875, 1.0, 4 / 9])


def test_miou_is_counted_over_all_records_and_not_their_mean() -> None:
    # Sums: right 25, 1; true 28, 2; predicted 26, 4. Unions 28 + 26 - 25 = 29 and 5.
    (found,) = mean_iou(COUNTS.sum(axis=0, keepdims=True))
    assert found == pytest.approx((25 / 29 + 1 / 5) / 2)
    # A class that no truth holds is left out, whatever is predicted.
    assert mean_iou(COUNTS[2:]).tolist() == [8 / 10]


def test_subjects_are_drawn_whole() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat(rng.normal(size=20), 10)
    parts = np.stack([level + 0.01 * rng.normal(size=200), np.ones(200)], axis=1)
    subjects = [f"s{i // 10}" for i in range(200)]
    by_subject = interval_of_sums(parts, subjects, mean_of_sums)
    by_record = interval_of_sums(parts, [str(i) for i in range(200)], mean_of_sums)
    assert by_subject is not None
    assert by_record is not None
    assert by_subject.value == pytest.approx(parts[:, 0].mean())
    assert by_record.value == pytest.approx(parts[:, 0].mean())
    # Records of a subject are alike, so there are 20 observations and not 200.
    ratio = (by_subject.high - by_subject.low) / (by_record.high - by_record.low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.2)
    assert by_subject.method == "BCa bootstrap by subject (1000)"
    assert by_record.method == "BCa bootstrap by record (1000)"


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        parts = np.stack([rng.beta(5, 2, size=60), np.ones(60)], axis=1)
        found = interval_of_sums(parts, [str(i) for i in range(60)], mean_of_sums, replicates=300)
        assert found is not None
        covered += found.low <= 5 / 7 <= found.high
    assert 0.9 <= covered / 200 <= 0.99


def test_few_units_have_no_interval_and_equal_ones_have_one_of_no_length() -> None:
    parts = np.ones((6, 2))
    assert interval_of_sums(parts, list("aabbcc"), mean_of_sums) is None
    found = interval_of_sums(parts, list("abcdef"), mean_of_sums)
    assert found is not None
    assert (found.low, found.value, found.high) == (1.0, 1.0, 1.0)
