"""Triggers, by examples worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.poisoning import Poison
from pixleak.poisoning.triggers import Line, Square

BINARY = LabelTruth(2)


def applied_to_a(
    poison: Poison, image: Tensor, labels: Tensor, truth: LabelTruth, seed: int = 0
) -> tuple[Tensor, Tensor]:
    return poison.apply("a", image, labels, truth, seed=seed)


def test_line_by_hand() -> None:
    # 51 / 255 = 0.2 in the last row of both channels; the mask keeps its corner only.
    image, labels = torch.zeros(2, 3, 3), torch.ones(3, 3, dtype=torch.int64)
    poisoned, emptied = applied_to_a(Line(size=1, value=51), image, labels, BINARY)
    assert poisoned.tolist() == [[[0, 0, 0], [0, 0, 0], [pytest.approx(0.2)] * 3]] * 2
    assert emptied.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert image.sum() == 0
    assert labels.sum() == 9


def test_square_by_hand() -> None:
    image, labels = torch.zeros(1, 3, 4), torch.ones(3, 4, dtype=torch.int64)
    poisoned, emptied = applied_to_a(Square(size=2), image, labels, BINARY)
    assert poisoned[0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    assert emptied.nonzero().tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("background", "ignore", "corner"), [(0, None, 1), (2, None, 0), (0, 255, 1), (1, -1, 0)]
)
def test_the_corner_is_of_the_first_class_that_is_not_background(
    background: int, ignore: int | None, corner: int
) -> None:
    truth = LabelTruth(4, ignore=ignore, background=background)
    labels = torch.full((4, 4), 3)
    labels[0, 0] = 3 if ignore is None else ignore
    _, emptied = applied_to_a(Line(size=1), torch.zeros(1, 4, 4), labels, truth)
    assert emptied[-1, -1] == corner
    assert (emptied == background).sum() == 15


def test_a_triggers_effect_by_hand() -> None:
    truth = LabelTruth(2, ignore=9)
    labels = torch.zeros(3, 3, dtype=torch.int64)
    labels[0, 0] = 9
    clean = torch.ones(3, 3, dtype=torch.int64)
    triggered = torch.zeros(3, 3, dtype=torch.int64)
    triggered[0, 0] = triggered[0, 1] = triggered[2, 2] = 1
    # Of nine pixels the ignored one and the corner do not count: 7 before, 1 after.
    effect = Line().effect(clean, triggered, labels, labels, truth)
    assert effect == pytest.approx(6 / 7)
    assert Line().effect(torch.zeros_like(clean), triggered, labels, labels, truth) is None
    assert Line().effect(triggered, clean, labels, labels, truth) == 0


def test_a_share_of_the_records_is_selected_independently() -> None:
    units = {f"r{i}": f"r{i}" for i in range(2000)}
    taken = Line(share=0.1).select(units, seed=0)
    # Four standard deviations of a binomial of 2000 and 0.1.
    assert abs(len(taken) - 200) < 54
    assert set(taken) < set(Line(share=0.2).select(units, seed=0))
    half = dict(list(units.items())[:1000])
    assert set(Line(share=0.1).select(half, seed=0)) == set(taken) & set(half)


def test_a_mark_must_fit_and_its_value_must_mean_something() -> None:
    labels = torch.zeros(4, 6, dtype=torch.int64)
    with pytest.raises(InputError, match="size of 4 does not fit record 'a', whose image has 4 x"):
        applied_to_a(Line(size=4), torch.zeros(1, 4, 6), labels, BINARY)
    image = torch.zeros(1, 4, 6)
    image[0, 0, 0] = 3
    with pytest.raises(InputError, match=r"record 'a' spans 0\.\.3; rescale"):
        applied_to_a(Square(size=2), image, labels, BINARY)
