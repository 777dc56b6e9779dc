"""Averaged weights, against averages by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.defences.training.ema import Ema, EmaTrainer, WeightAverage
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe
from toy_records import bright_squares
from trainings import defended, interrupted, pictures, same

RECORDS = bright_squares()


NORMED = Recipe(
    network={"name": "unet", "options": {"widths": [4, 8], "norm": "batch", "dropout": 0.3}},
    epochs=6,
    batch_size=4,
    lr=0.05,
    schedule="constant",
)


def test_the_average_by_hand() -> None:
    """Decay 3/4, weights 1 3 8 4 8: plain means 1, 2, 4 and 4, then 3/4 4 + 1/4 8 = 5."""
    moving = nn.BatchNorm2d(1)
    average = WeightAverage(moving, decay=0.75)
    with torch.no_grad():
        moving.weight.fill_(99.0)  # no step yet: of no weight
    for n, (weight, mean) in enumerate([(1, 1), (3, 2), (8, 4), (4, 4), (8, 5)], start=1):
        with torch.no_grad():
            moving.weight.fill_(weight)
            moving.running_mean.fill_(-weight)
            moving.num_batches_tracked.fill_(7 * n)
        average.update(moving)
        assert float(average.module.weight.detach()) == pytest.approx(mean)
        assert float(average.module.running_mean) == pytest.approx(-mean)
        assert int(average.module.num_batches_tracked) == 7 * n
    assert float(moving.weight.detach()) == 8


def test_what_is_kept_is_the_average_of_every_step() -> None:
    steps: list[dict[str, Tensor]] = []

    class Remembering(EmaTrainer):
        def step(self, module, optimizer, images, truths, epoch):  # type: ignore[no-untyped-def]
            loss = super().step(module, optimizer, images, truths, epoch)
            steps.append({key: value.clone() for key, value in module.state_dict().items()})
            return loss

    trained = Remembering(NORMED, RECORDS, seed=0, defences=(Ema(decay=0.8),)).run()
    assert len(steps) == 18
    for key, value in trained.module.state_dict().items():
        mean = torch.zeros_like(value, dtype=torch.float64)
        for n, one in enumerate(steps, start=1):
            decay = min(0.8, 1 - 1 / n)
            mean = decay * mean + (1 - decay) * one[key]
        if not value.is_floating_point():
            mean = steps[-1][key].double()
        torch.testing.assert_close(value.double(), mean, rtol=1e-4, atol=1e-6)
    bare = fit(NORMED, RECORDS, seed=0)
    assert trained.epoch_losses == bare.epoch_losses
    assert all(
        torch.equal(value, steps[-1][key]) for key, value in bare.module.state_dict().items()
    )


def test_the_average_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = defended(NORMED, RECORDS, Ema())
    assert not same(whole, defended(NORMED, RECORDS))
    assert same(whole, interrupted(monkeypatch, tmp_path, NORMED, RECORDS, Ema(), at=4))


def test_a_generator_is_averaged_but_not_its_discriminator() -> None:
    recipe = Recipe(
        network={"name": "pix2pix", "options": {"width": 4, "depth": 3}},
        adversary={"name": "pix2pix", "width": 4, "layers": 2},
        epochs=2,
        batch_size=4,
    )
    bare, averaged = defended(recipe, pictures()), defended(recipe, pictures(), Ema())
    assert not same(bare, averaged)
    judges = (one.companions["discriminator"].state_dict().values() for one in (bare, averaged))
    assert all(torch.equal(a, b) for a, b in zip(*judges, strict=True))


def test_decay_of_ema_is_a_share() -> None:
    for decay in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="decay between 0 and 1"):
            Ema(decay=decay)
