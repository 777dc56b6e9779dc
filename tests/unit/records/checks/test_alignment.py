from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import Records
from pixleak.records.checks.alignment import alignment_features
from pixleak.records.readers.phantom import phantom

Held = Callable[..., Records]


def rows(records: Records) -> list[dict[str, float]]:
    names, values = alignment_features(records)
    return [dict(zip(names, row, strict=True)) for row in values.tolist()]


def test_every_feature_by_hand(held: Held) -> None:
    # The image steps by .6 between columns 2 and 3, and by .2 between 3 and 4; the mask begins at
    # column 2, one pixel too early. Steps are numbered by their left pixel: b = 1 at step 1.
    image = torch.tensor([0.0, 0.0, 0.0, 0.6, 0.8, 0.8]).repeat(3, 1)[None, None]
    labels = torch.tensor([0, 0, 1, 1, 1, 1]).repeat(3, 1)[None]
    (row,) = rows(held(image, labels))
    # E(-2) has no step to meet, E(-1) = 0, E(0) = 0, E(1) = .6, E(2) = .2: their mean is .16.
    assert row == {
        "edges meet across": 0.0,
        "edges lean by 1 across": pytest.approx(1.0),
        "edges lean by 2 across": pytest.approx(1.0),
        "edges meet down": 0.0,
        "edges lean by 1 down": 0.0,
        "edges lean by 2 down": 0.0,
        "corners of the border": 0.0,
    }
    aligned = torch.tensor([0, 0, 0, 1, 1, 1]).repeat(3, 1)[None]
    (row,) = rows(held(image, aligned))
    # E(-2) = E(-1) = 0, E(0) = .6, E(1) = .2, E(2) = 0.
    assert row["edges meet across"] == pytest.approx(0.6 / 0.16)
    assert row["edges lean by 1 across"] == pytest.approx(1.0)


def test_the_lean_turns_with_the_mask(held: Held) -> None:
    image = torch.tensor([0.0, 0.1, 0.2, 0.8, 0.9, 1.0]).repeat(3, 1)[None, None]
    masks = [torch.tensor([0] * n + [1] * (6 - n)).repeat(3, 1)[None] for n in (2, 3, 4)]
    leans = [rows(held(image, mask))[0]["edges lean by 1 across"] for mask in masks]
    assert leans == pytest.approx([0.5 / 0.7, 0.0, -0.5 / 0.7], abs=1e-6)
    turned = rows(held(image.mT.contiguous(), masks[0].mT.contiguous()))[0]
    assert turned["edges lean by 1 down"] == pytest.approx(0.5 / 0.7)
    assert turned["edges lean by 1 across"] == 0.0


def test_corners_by_hand(held: Held) -> None:
    # One labelled pixel in the middle: all four squares that its border passes through are corners.
    labels = torch.tensor([[[0, 0, 0], [0, 1, 0], [0, 0, 0]]])
    assert rows(held(torch.zeros(1, 1, 3, 3), labels))[0]["corners of the border"] == 1.0
    # The border runs straight down through one square, and turns in two.
    labels = torch.tensor([[[0, 1, 1], [0, 1, 1], [0, 0, 1]]])
    assert rows(held(torch.zeros(1, 1, 3, 3), labels))[0]["corners of the border"] == pytest.approx(
        2 / 3
    )


def test_ignored_pixels_have_no_border(held: Held) -> None:
    labels = torch.tensor([[[0, 9, 1], [0, 9, 1]]])
    (row,) = rows(held(torch.rand(1, 1, 2, 3), labels, LabelTruth(2, ignore=9)))
    assert set(row.values()) == {0.0}


def test_true_images_are_registered_against_their_inputs(held: Held) -> None:
    step = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).repeat(6, 1)[None, None]
    late = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0, 1.0]).repeat(6, 1)[None, None]
    (row,) = rows(held(step, late, ImageTruth(1)))
    assert row["edges lean by 1 across"] == -1.0
    assert "corners of the border" not in row
    (row,) = rows(held(step, step, ImageTruth(1)))
    assert (row["edges meet across"], row["edges lean by 1 across"]) == (5.0, 0.0)


def test_a_record_has_the_same_features_in_any_batch() -> None:
    records = phantom(40, size=24, seed=3)
    whole = alignment_features(records)[1]
    alone = np.concatenate([alignment_features(records.select([key]))[1] for key in records.ids])
    assert (whole == alone).all()
    assert np.isfinite(whole).all()


def test_masks_off_by_one_pixel_lean(held: Held) -> None:
    records = phantom(200, size=32, seed=4)
    batch = records.batch(range(200))
    moved = torch.cat([batch.truths[:, :, :1], batch.truths[:, :, :-1]], dim=2)
    column = alignment_features(records)[0].index("edges lean by 1 across")
    before = alignment_features(records)[1][:, column]
    after = alignment_features(held(batch.images, moved))[1][:, column]
    t = (after.mean() - before.mean()) / np.sqrt((after.var() + before.var()) / 200)
    assert t < -4


def test_records_without_images_have_corners_alone(held: Held) -> None:
    labels = torch.tensor([[[0, 0, 0], [0, 1, 0], [0, 0, 0]]])
    (row,) = rows(held(torch.zeros(1, 0, 3, 3), labels))
    assert row.pop("corners of the border") == 1.0
    assert set(row.values()) == {0.0}
