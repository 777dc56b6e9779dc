"""A world of generators is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pixleak.core.access import Access
from pixleak.core.truth import ImageTruth
from pixleak.testing.worlds.images import remembered_images

GREY = ImageTruth(1, low=-1.0)


def test_the_answer_is_the_input_which_is_nearer_to_the_truth_for_members() -> None:
    world = remembered_images(GREY, records=10, leak=3.0)
    batch = next(world.records.batches(10))
    target = world.target(Access.IMAGE)
    assert torch.equal(target.predict(batch.images).values, batch.images)
    errors = (batch.images - batch.truths).abs().mean(dim=(1, 2, 3)).numpy()
    assert errors[world.member].max() < errors[~world.member].min()
    # A mean absolute deviation of sqrt(2 / pi) times 0.2 of a range of 2, less what is cut off.
    assert 0.2 < errors[~world.member].mean() < 0.32


def test_the_discriminator_is_given_away_with_its_access_only() -> None:
    world = remembered_images(GREY, records=2, leak=1.0)
    assert world.target(Access.IMAGE).judge is None
    judge = world.target(Access.DISCRIMINATOR).judge
    assert judge is not None
    zeros = torch.zeros(2, 1, 4, 4)
    assert judge(zeros, zeros + 0.5).tolist() == pytest.approx([-0.5, -0.5])


def test_the_same_records_backwards() -> None:
    world = remembered_images(GREY, records=5, leak=1.0)
    backwards = world.reversed()
    assert backwards.records.ids == world.records.ids[::-1]
    assert np.array_equal(backwards.member, world.member[::-1])
