"""Cut-mix and mix-up: who is joined with whom, and that truths go along."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.defences.steps.mixing import partners, shares
from pixleak.defences.training.cut_mix import CutMix, CutMixTrainer
from pixleak.defences.training.mix_up import MixUp, MixUpTrainer
from pixleak.records.base import RecordKey, Records
from pixleak.training.loop.losses import LOSSES
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, pictures, refused, same

RECORDS = bright_squares()


def test_everyone_has_a_partner_who_is_somebody_else() -> None:
    for count in (2, 3, 8):
        other = partners(count, Generator().manual_seed(count))
        assert sorted(other.tolist()) == list(range(count))
        assert not (other == torch.arange(count)).any()
    with pytest.raises(InputError, match="a batch of one record cannot be mixed"):
        partners(1, Generator())


def test_shares_are_of_the_distribution_asked_for() -> None:
    # Beta(2, 2): mean 1/2, variance 1/20.
    drawn = shares(20_000, 2.0, Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(drawn.var()) == pytest.approx(0.05, abs=0.002)


def constant(count: int, width: int, truth: LabelTruth | ImageTruth) -> tuple[Tensor, Tensor]:
    """Images whose every value names their record, and truths likewise."""
    names = torch.arange(count)
    images = names.float().view(-1, 1, 1, 1).expand(count, 1, 4, width).clone()
    if isinstance(truth, ImageTruth):
        return images, images / 10
    return images, names.view(-1, 1, 1).expand(count, 4, width).clone()


@pytest.mark.parametrize("truth", [LabelTruth(5), ImageTruth(1)])
@pytest.mark.parametrize("width", [2, 9])
def test_cut_mix_joins_two_records_and_their_truths(
    truth: LabelTruth | ImageTruth, width: int
) -> None:
    images, truths = constant(5, width, truth)
    records = Records([RecordKey("a")], lambda i: (images[i], truths[i]), truth)
    recipe = TINY.model_copy(update={"loss": "l1"}) if isinstance(truth, ImageTruth) else TINY
    trainer = CutMixTrainer(recipe, records, seed=0, defences=(CutMix(),))
    draws, cuts = Generator().manual_seed(0), set()
    for _ in range(20):
        joined, answers = trainer.change(images, truths, draws)
        scaled = answers * 10 if isinstance(truth, ImageTruth) else answers[:, None]
        torch.testing.assert_close(joined, scaled.float())
        for i, image in enumerate(joined):
            assert (image == image[0, 0]).all()  # nothing is mixed within a column
            row = image[0, 0].tolist()
            assert row[0] == i
            assert row[-1] != i
            cut = next(k for k, value in enumerate(row) if value != i)
            assert row == [i] * cut + [row[-1]] * (width - cut)
            cuts.add(cut)
    assert cuts == set(range(1, width))
    assert (images == constant(5, width, truth)[0]).all()


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
        refused("mixes the records of a batch, but batch_size is 1", single, RECORDS, defence)
    against = Recipe(network="pix2pix", adversary="pix2pix")
    refused("sums of two images as real ones", against, pictures(), MixUp())
    for kind, name in ((CutMix, "beta"), (MixUp, "alpha")):
        for value in (0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(InputError, match=f"needs {name} above 0"):
                kind(**{name: value})
