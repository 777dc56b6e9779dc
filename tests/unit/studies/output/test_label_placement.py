from __future__ import annotations

import numpy as np
import pytest

from pixleak.studies.output.label_placement import overlap, place_labels

FRAME = np.array([0.0, 0.0, 400.0, 400.0])
NO_BARS = np.zeros((0, 4))


def test_the_overlap_of_boxes_is_their_shared_area() -> None:
    box = np.array([[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    others = np.array([[1.0, 1.0, 3.0, 4.0], [0.0, 0.0, 1.0, 1.0]])
    assert overlap(box, others).tolist() == [2.0, 0.0]
    assert overlap(box, NO_BARS).tolist() == [0.0, 0.0]


def test_a_crowd_of_labels_covers_neither_labels_nor_markers() -> None:
    # A dozen points within 40 pixels of one another.
    points = np.array([(200.0 + 10 * (k % 4), 200.0 + 10 * (k // 4)) for k in range(12)])
    boxes, _ = place_labels(points, np.full((12, 2), (60.0, 12.0)), NO_BARS, FRAME, scale=1.0)
    markers = np.hstack([points - 5, points + 5])
    for k, box in enumerate(boxes):
        others = np.vstack([np.delete(boxes, k, axis=0), markers])
        assert overlap(box[None], others)[0] == pytest.approx(0)
    assert (boxes >= 0).all()
    assert (boxes <= 400).all()


def test_a_label_stays_in_the_frame_and_near() -> None:
    sizes = np.array([[60.0, 12.0]])
    boxes, gaps = place_labels(np.array([[398.0, 200.0]]), sizes, NO_BARS, FRAME, scale=1.0)
    assert boxes[0, 2] <= 400
    assert gaps[0] <= 12


def test_bars_are_avoided() -> None:
    point, sizes = np.array([[200.0, 200.0]]), np.array([[60.0, 12.0]])
    free, _ = place_labels(point, sizes, NO_BARS, FRAME, scale=1.0)
    avoided, _ = place_labels(point, sizes, free, FRAME, scale=1.0)
    assert overlap(avoided, free)[0] < overlap(free, free)[0]
