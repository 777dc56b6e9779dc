"""RelaxLoss: down above the level, up below it, flattened in every other epoch."""

from __future__ import annotations

from math import log
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.training.relax_loss import RelaxLoss, RelaxLossTrainer, flattening
from pixleak.records.base import RecordKey, Records
from pixleak.training.loop.feed import feed
from pixleak.training.loop.trainer import Epoch
from pixleak.training.recipe import Recipe
from pixleak.training.trained import Trained
from pixleak.training.untrained import untrained
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, pictures, refused, same

RECORDS = bright_squares(3)
ONE_STEP = Recipe(
    network={"name": "tiny", "options": {"layers": 1}},
    loss="ce",
    epochs=1,
    batch_size=3,
    lr=0.5,
    optimizer="sgd",
)


def weights(module: nn.Module) -> list[Tensor]:
    return [p.detach() for p in module.parameters()]


@pytest.mark.parametrize(("alpha", "direction"), [(1e-3, -1), (1e3, 1)])
def test_a_step_goes_down_above_the_level_and_up_below_it(alpha: float, direction: int) -> None:
    """One batch of SGD by hand: w - lr g above, w + lr g below; the loss is told as it is."""
    module = untrained(ONE_STEP, 1, LabelTruth(2), (8, 8), seed=4)
    images, truths = feed(RECORDS)(torch.arange(3))
    loss = nn.functional.cross_entropy(module(images), truths)
    loss.backward()
    expected = [p.detach() + direction * 0.5 * p.grad for p in module.parameters()]
    trained = defended(ONE_STEP, RECORDS, RelaxLoss(alpha=alpha), seed=4)
    assert trained.epoch_losses == (pytest.approx(loss.item(), rel=1e-6),)
    for got, wanted in zip(weights(trained.module), expected, strict=True):
        torch.testing.assert_close(got, wanted)


def test_flattening_by_hand() -> None:
    """Three classes, one image of three pixels: right, wrong, and ignored.

    Right, p = (1/2, 1/4, 1/4), y = 0: minus the cross-entropy, log 1/2.
    Wrong, p = (1/2, 1/4, 1/4), y = 1: t = (3/8, 1/4, 3/8), so that
    CE(t, p) = 3/8 log 2 + 1/4 log 4 + 3/8 log 4, less log 4.
    """
    pixel = torch.tensor([log(1 / 2), log(1 / 4), log(1 / 4)], dtype=torch.float64)
    logits = pixel.view(1, 3, 1, 1).repeat(1, 1, 1, 3).requires_grad_()
    truths = torch.tensor([[[0, 1, 255]]])
    value = flattening(logits, truths, LabelTruth(3, ignore=255))
    right, wrong = -log(2), (3 / 8 + 2 / 4 + 6 / 8) * log(2) - log(4)
    assert value.tolist() == [pytest.approx((right + wrong) / 2)]
    value.sum().backward()
    # d/dz of CE(t, p) is p - t, of -CE(y, p) is [y] - p; halved by the mean over two pixels.
    wanted = torch.tensor([[1 / 2, -1 / 4, -1 / 4], [-3 / 8, 3 / 4, -3 / 8], [0, 0, 0]]) / 2
    torch.testing.assert_close(logits.grad[0, :, 0].T, wanted.double())


def gradients(number: int, alpha: float) -> list[Tensor]:
    """Of the Dice losses in an epoch of this number."""
    recipe = ONE_STEP.model_copy(update={"loss": "dice"})
    trainer = RelaxLossTrainer(recipe, RECORDS, seed=4, defences=(RelaxLoss(alpha=alpha),))
    module = trainer.network().train()
    epoch = Epoch(number, torch.Generator())
    trainer.losses(module, *feed(RECORDS)(torch.arange(3)), epoch).mean().backward()
    return [p.grad for p in module.parameters() if p.grad is not None]


def test_even_epochs_flatten_and_odd_ones_ascend() -> None:
    module = untrained(ONE_STEP, 1, LabelTruth(2), (8, 8), seed=4)
    images, truths = feed(RECORDS)(torch.arange(3))
    flattening(module(images), truths, LabelTruth(2)).mean().backward()
    for got, parameter in zip(gradients(2, 1e3), module.parameters(), strict=True):
        torch.testing.assert_close(got, parameter.grad)
    for up, down in zip(gradients(3, 1e3), gradients(3, 1e-3), strict=True):
        torch.testing.assert_close(up, -down)
    for flat, down in zip(gradients(2, 1e3), gradients(2, 1e-3), strict=True):
        assert not torch.allclose(flat, -down, rtol=0.1)


def test_of_two_classes_flattening_is_ascent_on_the_cross_entropy() -> None:
    logits = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    truths = torch.randint(2, (2, 4, 4), generator=torch.Generator().manual_seed(1))
    flat = flattening(logits, truths, LabelTruth(2)).mean()
    up = -nn.functional.cross_entropy(logits, truths)
    torch.testing.assert_close(*(torch.autograd.grad(one, logits)[0] for one in (flat, up)))


def last(trained: Trained) -> float:
    return sum(trained.epoch_losses[-10:]) / 10


@pytest.mark.parametrize(("alpha", "share"), [(1e3, 1.0), (1e-9, 0.0)])
def test_it_says_how_often_it_acted(alpha: float, share: float) -> None:
    assert defended(TINY, RECORDS, RelaxLoss(alpha=alpha)).facts == {
        "share of batches below alpha": share
    }


@pytest.mark.parametrize("alpha", [0.2, 0.4])
def test_the_loss_is_held_at_the_level(alpha: float) -> None:
    recipe = TINY.model_copy(update={"epochs": 80, "schedule": "constant"})
    records = bright_squares()
    assert last(defended(recipe, records)) < 0.1
    assert last(defended(recipe, records, RelaxLoss(alpha=alpha))) == pytest.approx(alpha, rel=0.3)


def test_a_generator_is_flooded() -> None:
    recipe = Recipe(
        network="tiny", loss="l1", epochs=60, batch_size=4, lr=0.01, schedule="constant"
    )
    bare = last(defended(recipe, pictures()))
    held = last(defended(recipe, pictures(), RelaxLoss(alpha=0.1)))
    assert bare < 0.06
    assert held == pytest.approx(0.1, rel=0.3)


def test_ignored_pixels_and_none_at_all() -> None:
    image, truth = torch.rand(1, 8, 8), torch.full((8, 8), 255)
    records = Records(
        [RecordKey("a"), RecordKey("b")], lambda i: (image, truth), LabelTruth(2, ignore=255)
    )
    trained = defended(TINY.model_copy(update={"loss": "ce"}), records, RelaxLoss())
    assert trained.epoch_losses == (0.0,) * 3


def test_it_repeats_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Broken off before an even epoch, which must know that it is one.
    level = RelaxLoss(alpha=10.0)
    whole = defended(TINY, RECORDS, level)
    assert same(whole, interrupted(monkeypatch, tmp_path, TINY, RECORDS, level))
    assert not same(whole, defended(TINY, RECORDS))


def test_what_has_no_level() -> None:
    for alpha in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="needs alpha above 0"):
            RelaxLoss(alpha=alpha)
    against = Recipe(network="pix2pix", adversary="pix2pix")
    refused("leave target.recipe.adversary out", against, pictures(), RelaxLoss())
    plain = Recipe(network="tiny", loss="l2")
    refused("constant mid-grey already reaches 0.25 in l2", plain, pictures(), RelaxLoss())
    from pixleak.defences.training.mix_up import MixUp

    refused("'relax-loss' cannot be combined with 'mix-up'", TINY, RECORDS, MixUp(), RelaxLoss())
