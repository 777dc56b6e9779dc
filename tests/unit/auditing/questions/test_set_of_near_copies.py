"""Near-copies within a set are one unit of its test, as they are of an audit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import pixleak
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records


class _Pictures:
    """Pictures of blocks, each several times with a little noise of its own."""

    def __init__(self, seed: int, copies: int) -> None:
        self.seed, self.copies = seed, copies

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        shown = index // self.copies
        generator = np.random.default_rng((self.seed, shown))
        blocks = generator.random((8, 8)).repeat(2, axis=0).repeat(2, axis=1)
        own = np.random.default_rng((self.seed, shown, index)).normal(0, 0.004, blocks.shape)
        picture = torch.from_numpy(np.clip(blocks + own, 0, 1)).float()[None]
        return picture, 1 - picture


def pictures(seed: int, count: int, copies: int = 1, subjects: int = 0) -> Records:
    keys = [
        RecordKey(f"{seed}-{i}", subject=f"{seed}-s{i % subjects}" if subjects else None)
        for i in range(count)
    ]
    return Records(keys, _Pictures(seed, copies), ImageTruth(1))


def blurred(images: Tensor) -> Tensor:
    return 0.5 + 0.9 * (0.5 - images)


def test_near_copies_are_one_unit() -> None:
    mine, others = pictures(0, 40, copies=4), pictures(1, 30)
    found = pixleak.set_test(blurred, mine, others, difficulties=[], permutations=100)
    assert (found.owned, found.owned_units) == (40, 10)
    assert (found.comparable, found.comparable_units) == (30, 30)
    assert found.near_copies is not None
    assert found.near_copies.member_clusters == 10
    assert found.near_copies.members[0] == ["0-0", "0-1", "0-2", "0-3"]
    assert "among the owner's records; they count" in found.near_copies.explanation
    assert "near-identical records" in str(found)


def test_near_copies_that_are_to_be_separate_count_one_by_one() -> None:
    mine, others = pictures(0, 40, copies=4), pictures(1, 30)
    separate = pixleak.set_test(
        blurred, mine, others, difficulties=[], permutations=100, near_copies="separate"
    )
    assert separate.owned_units == 40
    assert separate.near_copies is not None
    assert "as near_copies says" in separate.near_copies.explanation


def test_subjects_that_are_given_remain_the_units() -> None:
    mine, others = pictures(0, 40, copies=4, subjects=8), pictures(1, 30)
    found = pixleak.set_test(blurred, mine, others, difficulties=[], permutations=100)
    assert found.owned_units == 8
    assert found.near_copies is not None
    assert found.near_copies.member_clusters == 0


def test_a_set_of_few_pictures_is_refused_however_often_they_are_repeated() -> None:
    with pytest.raises(InputError, match="got 3 and 30; near-identical records count as one"):
        pixleak.set_test(
            blurred, pictures(0, 30, copies=10), pictures(1, 30), difficulties=[], permutations=100
        )


def test_what_near_copies_are_to_count_as_is_one_of_two() -> None:
    with pytest.raises(InputError, match="near_copies"):
        pixleak.set_test(blurred, pictures(0, 20), pictures(1, 20), near_copies="twice")
