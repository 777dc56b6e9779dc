"""Truth Serum, by examples worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pixleak.core.truth import LabelTruth
from pixleak.poisoning import Poison
from pixleak.poisoning.truth_serum import TruthSerum

BINARY = LabelTruth(2)


def applied_to_a(
    poison: Poison, image: Tensor, labels: Tensor, truth: LabelTruth, seed: int = 0
) -> tuple[Tensor, Tensor]:
    return poison.apply("a", image, labels, truth, seed=seed)


def test_truth_serum_by_hand() -> None:
    # One border, between columns 1 and 2; a square of one pixel about its left side.
    labels = torch.tensor([[1, 1, 0, 0]] * 4)
    image = torch.rand(1, 4, 4)
    same, flipped = applied_to_a(TruthSerum(size=0.25), image, labels, BINARY)
    assert torch.equal(same, image)
    (place,) = (labels != flipped).nonzero().tolist()
    assert place[1] == 1
    # The whole image: every pixel of both classes.
    _, inverted = applied_to_a(TruthSerum(size=1), image, labels, BINARY)
    assert torch.equal(inverted, 1 - labels)


def test_truth_serum_exchanges_the_two_classes_of_one_border() -> None:
    truth = LabelTruth(5, ignore=255)
    labels = torch.full((8, 8), 3)
    labels[:, 4:] = 1
    labels[:, 7] = 255
    _, flipped = applied_to_a(TruthSerum(size=0.5), torch.zeros(1, 8, 8), labels, truth)
    changed = labels != flipped
    rows, columns = changed.any(dim=1).nonzero(), changed.any(dim=0).nonzero()
    assert changed.sum() == 16
    assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == 3
    assert (labels[changed] + flipped[changed] == 4).all()
    assert (flipped == 255).equal(labels == 255)


def test_truth_serum_without_a_border_puts_another_class_somewhere() -> None:
    truth = LabelTruth(3)
    labels = torch.full((6, 6), 1)
    found = {
        int(flipped[labels != flipped][0])
        for seed in range(20)
        for flipped in [applied_to_a(TruthSerum(), torch.zeros(1, 6, 6), labels, truth, seed)[1]]
    }
    assert found == {0, 2}


def test_truth_serums_effect_by_hand() -> None:
    labels, poisoned = torch.zeros(2, 2, dtype=torch.int64), torch.tensor([[1, 1], [1, 0]])
    triggered = torch.tensor([[1, 0], [1, 1]])
    effect = TruthSerum().effect(triggered, triggered, labels, poisoned, BINARY)
    assert effect == pytest.approx(2 / 3)


def test_as_many_records_as_wanted_are_targeted() -> None:
    units = {f"r{i}": f"r{i}" for i in range(50)}
    assert len(TruthSerum(targets=20).select(units, seed=0)) == 20
    assert len(TruthSerum(targets=80).select(units, seed=0)) == 50
