from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Records
from pixleak.records.checks.features import plain_features
from pixleak.records.checks.shift import check_shift
from pixleak.records.readers.phantom import phantom

Held = Callable[..., Records]


def test_every_feature_by_hand(held: Held) -> None:
    image = torch.tensor([[[[0.0, 0.4], [0.4, 0.8]]]])
    labels = torch.tensor([[[1, 0], [0, 1]]])
    names, values = plain_features(held(image, labels))
    row = dict(zip(names, values[0], strict=True))
    assert row == {
        "mean": pytest.approx(0.4),
        "std": pytest.approx(np.sqrt(0.08)),
        # Sorted 0, .4, .4, .8 at positions 0..3: 5 % is .15 steps up.
        "5th percentile": pytest.approx(0.06),
        "median": pytest.approx(0.4),
        "95th percentile": pytest.approx(0.74),
        # All four neighbouring pairs differ by .4.
        "gradient energy": pytest.approx(0.16),
        "total variation": pytest.approx(0.4),
        "share of class 1": 0.5,
        # Corners do not touch.
        "regions": 2.0,
        "border length": 1.0,
    }


def test_ignored_pixels_count_nowhere(held: Held) -> None:
    labels = torch.tensor([[[2, 1, 1, 9], [2, 2, 2, 9]]])
    truth = LabelTruth(3, ignore=9, names=("road", "car", "tree"), background=None)
    names, values = plain_features(held(torch.zeros(1, 3, 2, 4), labels, truth))
    row = dict(zip(names, values[0], strict=True))
    assert "green mean" in row
    assert [row[f"share of {name}"] for name in truth.names] == [0, 2 / 6, 4 / 6]
    assert row["regions"] == 2
    # Of 7 neighbouring pairs of valid pixels: 4 across, 3 down; 1 and 2 of them differ.
    assert row["border length"] == pytest.approx(3 / 7)


def test_true_images_are_described_like_images(held: Held) -> None:
    target = torch.rand(2, 3, 4, 4)
    records = held(torch.rand(2, 2, 4, 4), target, ImageTruth(3))
    names, values = plain_features(records)
    assert len(set(names)) == len(names) == 2 * 2 + 7 * 3
    assert "layer 1 mean" in names
    assert values[:, names.index("true blue mean")] == pytest.approx(target[:, 2].mean((1, 2)))


def test_a_record_has_the_same_features_in_any_batch(held: Held) -> None:
    records = phantom(40, seed=0, size=16, classes=5)
    _, together = plain_features(records)
    for index in (0, 33, 39):
        _, alone = plain_features(records.select([records.ids[index]]))
        assert np.array_equal(alone[0], together[index])


def test_height_and_width_are_properties_where_they_differ() -> None:
    small, large = phantom(6, seed=0, size=16), phantom(6, seed=1, size=32)
    assert plain_features(small)[0] == plain_features(large)[0]
    assert "height" not in plain_features(small)[0]
    names, values = plain_features(small, sizes=True)
    assert names[-2:] == ("height", "width")
    assert values[:, -2:].tolist() == [[16.0, 16.0]] * 6


def test_sides_of_two_sizes_have_shifted() -> None:
    small, large = phantom(40, seed=0, size=16), phantom(40, seed=1, size=32)
    shifted = {one.feature: one.p_adjusted for one in check_shift(small, large).features}
    assert shifted["height"] < 1e-6
    assert shifted["width"] < 1e-6
    alike = check_shift(small, phantom(40, seed=2, size=16))
    assert not {"height", "width"} & {one.feature for one in alike.features}
