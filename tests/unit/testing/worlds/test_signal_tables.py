"""A world of numbers is what it says."""

from __future__ import annotations

import pytest

from pixleak.attacks import Threshold
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.testing.worlds.signal_tables import gaussian_world


@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_the_world_has_the_auc_it_says(difficulty: float) -> None:
    world = gaussian_world(1.5, records=4000, references=3, difficulty=difficulty, seed=1)
    scores = Threshold().score(world.observed)
    # Phi(1.5 / sqrt 2) = .8556, Phi(1.5 / 2) = .7734
    assert world.auc == pytest.approx(0.8556 if difficulty == 0 else 0.7734, abs=1e-4)
    assert roc_of(scores.values, world.member).auc == pytest.approx(world.auc, abs=0.025)


def test_the_world_is_balanced() -> None:
    world = gaussian_world(0.0, records=40, references=7)
    inside = world.member + world.reference.member.sum(axis=0)
    assert (inside == 4).all()
    assert world.member.sum() == 20
    assert (world.reference.member.sum(axis=1) == 20).all()
    with pytest.raises(ValueError, match="odd number of references"):
        gaussian_world(0.0, references=4)
