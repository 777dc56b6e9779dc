"""The member's loss by hand, what the adversary is taught, and that the model hides from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.training.min_max import (
    MembershipAdversary,
    MinMax,
    MinMaxTrainer,
    adversary_input,
)
from pixleak.training.loop.feed import feed
from pixleak.training.loop.fit import fit
from pixleak.training.loop.trainer import Epoch
from pixleak.training.recipe import Recipe
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, refused, same


def test_what_the_adversary_sees_by_hand() -> None:
    logits = torch.tensor([[[[0.0, 2.0]], [[0.0, 0.0]]]])  # one image of 1 x 2, two classes
    high = float(torch.tensor(2.0).sigmoid())
    maps = adversary_input(logits, torch.tensor([[[1, 0]]]), LabelTruth(2))
    expected = torch.tensor([[[[0.5, high]], [[0.5, 1 - high]], [[0.0, 1.0]], [[1.0, 0.0]]]])
    torch.testing.assert_close(maps, expected)
    ignored = adversary_input(logits, torch.tensor([[[1, 9]]]), LabelTruth(2, ignore=9))
    torch.testing.assert_close(ignored[..., :1], expected[..., :1])
    assert torch.equal(ignored[..., 1], torch.zeros(1, 4, 1))


def test_a_members_loss_is_its_own_and_lambda_times_the_adversarys_belief() -> None:
    records = bright_squares(5)
    trainer = MinMaxTrainer(
        TINY, records, seed=1, defences=(MinMax(weight=0.7),), reserve=bright_squares(3, seed=1)
    )
    module = trainer.network()
    images, truths = feed(records)(torch.arange(5))
    epoch = Epoch(1, torch.Generator())
    found = trainer.losses(module, images, truths, epoch)
    plain = trainer.recipe_losses(module, images, truths)
    belief = (
        trainer.adversary(adversary_input(module(images), truths, LabelTruth(2))).sigmoid().log()
    )
    torch.testing.assert_close(found, plain + 0.7 * belief)
    alone = trainer.losses(module, images[2:3], truths[2:3], epoch)
    torch.testing.assert_close(alone, found[2:3])
    found.mean().backward()
    assert all(p.grad is None for p in trainer.adversary.parameters())
    assert all(p.requires_grad for p in trainer.adversary.parameters())


class Known(nn.Module):
    """Sure of the images it was made with, and of no other."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self.images = images
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        known = torch.stack([(self.images == one).flatten(1).all(dim=1).any() for one in images])
        signs = torch.tensor([-1.0, 1.0])[None, :, None, None] * self.scale
        return signs * 4 * known[:, None, None, None] * torch.ones(len(images), 2, 8, 8)


def test_the_adversary_learns_to_tell_members_from_the_reserve() -> None:
    records, reserve = bright_squares(8), bright_squares(5, seed=1)
    trainer = MinMaxTrainer(TINY, records, seed=1, defences=(MinMax(),), reserve=reserve)
    trainer.network()
    load = feed(records)
    module = Known(load(torch.arange(8))[0]).train()
    course = [trainer.adversary_epoch(module, load) for _ in range(15)]
    assert course[-1] > 0.95
    assert module.training
    with torch.no_grad():
        for of, member in ((records, True), (reserve, False)):
            images, truths = feed(of)(torch.arange(len(of)))
            told = trainer.adversary(adversary_input(module(images), truths, LabelTruth(2))) > 0
            assert (told == member).float().mean() > 0.9


def test_without_weight_it_is_plain_training() -> None:
    records, reserve = bright_squares(), bright_squares(6, seed=1)
    assert same(
        defended(TINY, records, MinMax(weight=0), reserve=reserve), fit(TINY, records, seed=0)
    )


def test_the_model_hides_from_the_adversary_for_its_loss() -> None:
    """Against an adversary that believes sure answers, a large lambda makes unsure ones."""
    records, reserve = bright_squares(), bright_squares(6, seed=1)
    recipe = Recipe(network="tiny", epochs=30, batch_size=4, lr=0.01)
    plain = fit(recipe, records, seed=0)
    hiding = defended(recipe, records, MinMax(weight=3.0), reserve=reserve)
    losses = []
    for trained in (plain, hiding):
        of = []
        for one in (records, reserve):
            images, truths = feed(one)(torch.arange(len(one)))
            with torch.no_grad():
                of.append(float(functional.cross_entropy(trained.module(images), truths)))
        losses.append(of)
    assert losses[1][0] > losses[0][0]
    assert 0 <= float(hiding.facts["adversary's accuracy"]) <= 1


def test_goes_on_as_if_it_had_not_been_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, reserve = bright_squares(), bright_squares(6, seed=1)
    defence = MinMax(weight=0.5)
    whole = defended(TINY, records, defence, reserve=reserve)
    again = interrupted(monkeypatch, tmp_path, TINY, records, defence, reserve=reserve)
    assert same(whole, again)
    assert whole.facts == again.facts


def test_refuses_what_cannot_be() -> None:
    from pixleak.defences.training.dp_sgd import DpSgd

    refused("cannot be combined", TINY, bright_squares(), MinMax(), DpSgd())
    for options in ({"weight": -1.0}, {"width": 6}, {"adversary_lr": 0.0}):
        with pytest.raises(InputError, match="min-max needs"):
            MinMax(**options)  # type: ignore[arg-type]
    assert MembershipAdversary(3, 8)(torch.rand(2, 6, 20, 24)).shape == (2,)
    with pytest.raises(InputError, match=r"split\.reserve"):
        defended(TINY, bright_squares(), MinMax())
