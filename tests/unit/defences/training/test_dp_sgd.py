"""Clipping against a loop over records, noise, the accountant, and what is refused."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.steps.per_record import (
    check_per_record_network,
)
from pixleak.defences.training.cut_mix import CutMix
from pixleak.defences.training.dp_sgd import DpSgd, DpSgdTrainer
from pixleak.defences.training.ema import Ema
from pixleak.records.base import Records
from pixleak.training.checkpoint import load_network
from pixleak.training.jobs import TrainingJob
from pixleak.training.loop.losses import LOSSES
from pixleak.training.loop.trainer import Trainer
from pixleak.training.networks import NETWORKS
from pixleak.training.networks.group_norm import BATCH_NORMS, group_normed
from pixleak.training.recipe import Recipe
from pixleak.training.untrained import untrained
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, pictures, refused, same

pytest.importorskip("opacus")

ATTENTION = {"name": "attention-unet", "options": {"widths": [4, 8]}}
STEP = Recipe(network="tiny", epochs=1, batch_size=6, lr=0.5, optimizer="sgd")


def of_subjects(records: Records, subjects: list[str | None]) -> Records:
    keys = [replace(key, subject=s) for key, s in zip(records.keys, subjects, strict=True)]
    return Records(keys, lambda i: (records[i].image, records[i].truth), records.truth, "subjects")


def vector(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach()


def gradients(module: nn.Module, records: Records) -> Tensor:
    """(n, parameters) gradient of each record's loss, one after the other."""
    found = []
    assert isinstance(records.truth, LabelTruth)
    for record in records:
        loss = LOSSES["dice+ce"](module(record.image[None]), record.truth[None], records.truth)
        parts = torch.autograd.grad(loss.sum(), list(module.parameters()))
        found.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(found)


@pytest.mark.parametrize("physical", [1, 8])
@pytest.mark.parametrize(
    "subjects",
    [[None] * 6, ["a", "b", "a", None, "b", "b"]],
    ids=["records", "subjects"],
)
def test_one_step_is_the_clipped_sum_over_units(subjects: list[str | None], physical: int) -> None:
    """w - lr (sum over units of the clipped mean gradient) / units, without noise."""
    records = of_subjects(bright_squares(6), subjects)
    module = untrained(STEP, 1, LabelTruth(2), (8, 8), seed=3)
    each = gradients(module, records)
    names = [s or key.id for s, key in zip(subjects, records.keys, strict=True)]
    units = [each[[n == name for n in names]].mean(dim=0) for name in dict.fromkeys(names)]
    clip = float(torch.stack(units).norm(dim=1).median())
    clipped = [g * min(1.0, clip / float(g.norm())) for g in units]
    assert any(float(g.norm()) > 1.01 * clip for g in units)
    before = vector(module)
    expected = before - 0.5 * torch.stack(clipped).sum(dim=0) / len(units)
    defence = DpSgd(noise_multiplier=0, clip=clip, lr_factor=1, physical_batch=physical)
    found = defended(STEP, records, defence, seed=3)
    torch.testing.assert_close(vector(found.module), expected, rtol=1e-4, atol=1e-6)
    assert found.facts["unit of privacy"] == ("subject" if any(subjects) else "record")
    assert found.facts["epsilon"] == math.inf


@pytest.mark.parametrize("left_out", ["b", "a"])
def test_a_unit_more_or_less_moves_the_sum_by_no_more_than_the_clip(left_out: str) -> None:
    subjects: list[str | None] = ["a", "b", "a", "c", "b", "b"]
    records = of_subjects(bright_squares(6), subjects)
    neighbour = records.select(
        [k.id for k, s in zip(records.keys, subjects, strict=True) if s != left_out]
    )
    start = untrained(STEP, 1, LabelTruth(2), (8, 8), seed=3)
    before = vector(start)
    defence = DpSgd(noise_multiplier=0, clip=0.05, lr_factor=1)
    sums = [
        (before - vector(defended(STEP, one, defence, seed=3).module)) / 0.5 * units
        for one, units in ((records, 3), (neighbour, 2))
    ]
    moved = float((sums[0] - sums[1]).norm())
    assert 0.99 * 0.05 < moved < 1.001 * 0.05


def test_noise_is_as_large_as_it_says() -> None:
    """The clip so small that a step is noise alone: lr sigma C / units, normal."""
    wide = {"name": "tiny", "options": {"width": 64}}
    recipe = Recipe(network=wide, epochs=1, batch_size=6, lr=0.5, optimizer="sgd")
    before = vector(untrained(recipe, 1, LabelTruth(2), (8, 8), seed=3))
    defence = DpSgd(noise_multiplier=1000.0, clip=1e-4, lr_factor=1)
    found = defended(recipe, bright_squares(6), defence, seed=3)
    noise = (before - vector(found.module)) / 0.5
    expected = 1000.0 * 1e-4 / 6
    assert len(noise) > 1500
    assert float(noise.std()) == pytest.approx(expected, rel=0.06)
    assert abs(float(noise.mean())) < 4 * expected / len(noise) ** 0.5
    assert 2.5 < float((noise / noise.std()).pow(4).mean()) < 3.5


def test_a_step_without_records_is_noise_and_is_counted() -> None:
    recipe = Recipe(network="tiny", epochs=4, batch_size=1, optimizer="sgd")
    trainer = DpSgdTrainer(
        recipe, bright_squares(3), seed=0, defences=(DpSgd(noise_multiplier=1.0),)
    )
    trained = trainer.run()
    assert trainer.account.steps == 4 * 3
    drawn = [len(one) for one in trainer.batches(Generator().manual_seed(0))]
    assert 0 in drawn
    assert all(math.isfinite(loss) for loss in trained.epoch_losses)
    assert not torch.equal(
        vector(trained.module), vector(untrained(recipe, 1, LabelTruth(2), (8, 8), seed=0))
    )


def test_units_are_drawn_as_often_as_they_should_each_on_its_own() -> None:
    subjects: list[str | None] = ["a", "b", "a", None, "b", "b", None, None]
    records = of_subjects(bright_squares(8), subjects)
    recipe = Recipe(network="tiny", batch_size=2)
    trainer = DpSgdTrainer(recipe, records, seed=0, defences=(DpSgd(noise_multiplier=1.0),))
    trainer.network()
    assert trainer.units == 5
    draws = Generator().manual_seed(0)
    batches = [one.tolist() for _ in range(500) for one in trainer.batches(draws)]
    assert len(batches) == 3 * 500  # of 5 units, two at a time
    inside = torch.tensor([[i in batch for i in range(8)] for batch in batches]).float()
    assert torch.equal(inside[:, 0], inside[:, 2])  # subjects come and go as a whole
    assert torch.equal(inside[:, 1], inside[:, 4])
    assert (inside.mean(dim=0) - 2 / 5).abs().max() < 4 * (0.4 * 0.6 / 1500) ** 0.5
    together = torch.corrcoef(inside[:, [0, 1, 3, 6, 7]].T) - torch.eye(5)
    assert together.abs().max() < 4 / 1500**0.5


@pytest.mark.slow
def test_arrives_at_the_epsilon_asked_for_over_the_steps_taken() -> None:
    facts = defended(TINY, bright_squares(10), DpSgd()).facts
    assert 8.4 < float(facts["epsilon"]) <= 8.5
    assert facts["delta"] == 10**-1.1 < 1 / 10
    account = DpSgd().account(10, 0.4, 9)
    assert facts["noise multiplier"] == account.noise_multiplier
    # When a training stops early depends on the data, so the steps that were planned count.
    account.steps = 5
    assert account.epsilon == float(facts["epsilon"])


def test_noise_follows_from_subjects_alone() -> None:
    def spent(subjects: list[str | None]) -> dict[str, object]:
        return dict(
            defended(TINY, of_subjects(bright_squares(len(subjects)), subjects), DpSgd()).facts
        )

    few, many = ["a", "b", "c", "d"], ["a", "a", "a", "a", "b", "b", "c", "d"]
    for name in ("noise multiplier", "epsilon", "delta"):
        assert spent(few)[name] == spent(many)[name]


def test_batch_normalisation_is_gone_and_weights_load_again(tmp_path: Path) -> None:
    recipe = Recipe(network=ATTENTION, epochs=1, batch_size=4)
    assert any(
        isinstance(part, BATCH_NORMS)
        for part in untrained(recipe, 1, LabelTruth(2), (16, 16), 0).modules()
    )
    defence = DpSgd(noise_multiplier=1.0)
    records = bright_squares(6, (16, 16))
    changed = defence.modify_recipe(recipe)
    assert "group norm" in changed.description
    assert Recipe(**changed.model_dump()) == changed
    path = tmp_path / "weights.safetensors"
    TrainingJob("a", changed, records, 1, path, defences=(defence,)).run(lambda message: None)
    module = load_network(path)
    assert not any(isinstance(part, BATCH_NORMS) for part in module.modules())
    assert sum(isinstance(part, nn.GroupNorm) for part in module.modules()) > 3
    here = defended(recipe, records, defence, seed=1)
    assert torch.equal(vector(module), vector(here.module))
    assert not hasattr(next(here.module.parameters()), "grad_sample") or (
        next(here.module.parameters()).grad_sample is None  # type: ignore[attr-defined]
    )


def test_group_norm_is_opacus_own_replacement() -> None:
    from opacus.validators import ModuleValidator

    bare = NETWORKS["attention-unet"].configured({"widths": [4, 8]}).build(1, 2, (16, 16))
    theirs = ModuleValidator.fix(bare)
    ours = group_normed(bare)
    assert str(ours) == str(theirs)


def test_an_instance_normalised_recipe_keeps_its_network_and_a_bare_one_its_address() -> None:
    recipe = Recipe(network="unet")
    assert DpSgd().modify_recipe(recipe).network == recipe.network
    assert DpSgd().modify_recipe(recipe).lr == 4 * recipe.lr
    assert "group_norm" not in recipe.model_dump()["network"]


@pytest.mark.parametrize("subjects", [[None] * 8, ["a", "b"] * 4], ids=["records", "subjects"])
def test_goes_on_as_if_it_had_not_been_interrupted(
    subjects: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = of_subjects(bright_squares(8), subjects)
    defences = (DpSgd(noise_multiplier=1.0), Ema(decay=0.9))
    whole = defended(TINY, records, *defences, seed=2)
    again = interrupted(monkeypatch, tmp_path, TINY, records, *defences, seed=2)
    assert same(whole, again)
    assert whole.facts == again.facts
    assert not same(whole, defended(TINY, records, *defences, seed=4))


def test_generators_learn_by_the_pixel_loss_alone() -> None:
    network = {"name": "pix2pix", "options": {"width": 4, "depth": 3}}
    recipe = Recipe(network=network, epochs=2, batch_size=4)
    found = defended(recipe, pictures(), DpSgd(noise_multiplier=2.0), seed=0)
    assert 0 < float(found.facts["epsilon"]) < 3
    adversarial = Recipe(network=network, adversary={"name": "pix2pix", "layers": 1})
    refused("discriminator sees the records as well", adversarial, pictures(), DpSgd())


def test_refuses_what_mixes_records() -> None:
    refused("cannot be combined with 'cut-mix'", TINY, bright_squares(), DpSgd(), CutMix())

    class Doubled(Trainer):
        def change(self, images: Tensor, truths: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
            return torch.cat([images, images]), torch.cat([truths, truths])

    both = type("Both", (DpSgdTrainer, Doubled), {})
    with pytest.raises(InputError, match="changes which record an image is of"):
        both(TINY, bright_squares(), seed=0, defences=(DpSgd(noise_multiplier=1.0),)).run()
    with pytest.raises(InputError, match="BatchNorm"):
        check_per_record_network(
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)), torch.rand(1, 4, 4)
        )


def test_refuses_settings_that_cannot_be() -> None:
    for options, sentence in (
        ({"epsilon": 0.0}, "epsilon above 0"),
        ({"epsilon": 2.0, "noise_multiplier": 1.0}, "not both"),
        ({"noise_multiplier": -1.0}, "at least 0"),
        ({"delta": 1.0}, "between 0 and 1"),
        ({"clip": 0.0}, "clip above 0"),
        ({"accountant": "gdp"}, "accountant 'rdp' or 'prv'"),
    ):
        with pytest.raises(InputError, match=re.escape(sentence)):
            DpSgd(**options)  # type: ignore[arg-type]
    assert DpSgd(noise_multiplier=1.0).epsilon is None
    with pytest.raises(InputError, match="at least two"):
        defended(TINY, of_subjects(bright_squares(3), ["a"] * 3), DpSgd())
