"""Mix-up: losses and true images are mixed as the images are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.steps.mixing import partners, shares
from pixleak.defences.training.cut_mix import CutMix
from pixleak.defences.training.mix_up import MixUp, MixUpTrainer
from pixleak.training.loop.losses import LOSSES
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, pictures, refused, same

RECORDS = bright_squares()


class Listening(nn.Module):
    """Keeps what it is asked about."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.asked: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.asked.append(images)
        answer: Tensor = self.inner(images)
        return answer


def first_epoch(seed: int) -> Epoch:
    return Epoch(1, Generator().manual_seed(seed))


@pytest.mark.parametrize("loss", LOSSES)
def test_mix_up_mixes_losses_as_it_mixes_images(loss: str) -> None:
    recipe = TINY.model_copy(update={"loss": loss})
    images, truths = (torch.stack(part) for part in zip(*map(RECORDS.load, range(4)), strict=True))
    trainer = MixUpTrainer(recipe, RECORDS, seed=0, defences=(MixUp(alpha=0.5),))
    module = Listening(trainer.network()).train()
    losses = trainer.losses(module, images, truths, first_epoch(3))
    (mixed,) = module.asked  # one pass for both halves
    again = Generator().manual_seed(3)
    other, share = partners(4, again), shares(4, 0.5, again)
    for i, j in enumerate(other.tolist()):
        t = float(share[i])
        torch.testing.assert_close(mixed[i], t * images[i] + (1 - t) * images[j])
        answer = module.inner(mixed[i : i + 1])
        first, second = (LOSSES[loss](answer, truths[k : k + 1], LabelTruth(2))[0] for k in (i, j))
        torch.testing.assert_close(losses[i], t * first + (1 - t) * second)
    losses.sum().backward()
    assert all(p.grad is not None for p in module.parameters())


def test_mix_up_of_a_generator_mixes_the_true_images() -> None:
    records = pictures(4)
    recipe = Recipe(network="tiny", loss="l2", batch_size=4)
    images, truths = (torch.stack(part) for part in zip(*map(records.load, range(4)), strict=True))
    trainer = MixUpTrainer(recipe, records, seed=0, defences=(MixUp(),))
    module = Listening(trainer.network()).train()
    losses = trainer.losses(module, images, truths, first_epoch(1))
    again = Generator().manual_seed(1)
    other, share = partners(4, again), shares(4, 1.0, again).view(-1, 1, 1, 1)
    wanted = share * truths + (1 - share) * truths[other]
    expected = (module.inner(module.asked[0]) - wanted).square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(losses, expected)


def test_nothing_is_mixed_where_nothing_is_trained() -> None:
    images, truths = (torch.stack(part) for part in zip(*map(RECORDS.load, range(4)), strict=True))
    trainer = MixUpTrainer(TINY, RECORDS, seed=0, defences=(MixUp(),))
    module = trainer.network().eval()
    bare = Trainer(TINY, RECORDS, seed=0).recipe_losses(module, images, truths)
    assert torch.equal(trainer.losses(module, images, truths, first_epoch(0)), bare)


@pytest.mark.parametrize("defence", [CutMix(), MixUp()])
def test_mixed_training_differs_repeats_and_resumes(
    defence: CutMix | MixUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = defended(TINY, RECORDS, defence)
    assert same(whole, defended(TINY, RECORDS, defence))
    assert not same(whole, defended(TINY, RECORDS))
    assert not same(whole, defended(TINY, RECORDS, defence, seed=1))
    assert same(whole, interrupted(monkeypatch, tmp_path, TINY, RECORDS, defence))


def test_mix_up_still_learns() -> None:
    recipe = TINY.model_copy(update={"epochs": 40})
    module = defended(recipe, RECORDS, MixUp(alpha=0.2)).module
    unseen = bright_squares(seed=9)
    images, truths = (torch.stack(part) for part in zip(*map(unseen.load, range(12)), strict=True))
    with torch.no_grad():
        assert (module(images).argmax(dim=1) == truths).float().mean() > 0.95


def test_what_cannot_be_mixed() -> None:
    single = TINY.model_copy(update={"batch_size": 1})
    for defence in (CutMix(), MixUp()):
        refused("mixes the records of a batch, but a batch has only one", single, RECORDS, defence)
    against = Recipe(network="pix2pix", adversary="pix2pix")
    refused("sums of two images as real ones", against, pictures(), MixUp())
    for kind, name in ((CutMix, "beta"), (MixUp, "alpha")):
        for value in (0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(InputError, match=f"needs {name} above 0"):
                kind(**{name: value})
