"""Training of generators: adversaries, what is saved, and going on after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.training.adversary import Adversary
from pixleak.training.checkpoint import load_network
from pixleak.training.discriminators import (
    Discriminator,
    against_judge,
    against_real_and_made,
    feature_distance,
    load_discriminator,
)
from pixleak.training.jobs import TrainedModel, TrainingJob, partial_path, train_all
from pixleak.training.loop import trainer as trainer_module
from pixleak.training.loop.fit import fit
from pixleak.training.loop.samples import as_picture
from pixleak.training.networks import NETWORKS
from pixleak.training.recipe import Recipe
from pixleak.training.trained import Trained

GENERATOR = torch.Generator().manual_seed(0)
INPUTS = torch.rand(8, 2, 32, 32, generator=GENERATOR)
OUTPUTS = torch.rand(8, 1, 32, 32, generator=GENERATOR)


def _load(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    return INPUTS[index], OUTPUTS[index]


RECORDS = Records([RecordKey(str(i)) for i in range(8)], _load, ImageTruth(1), "noise")
SMALL = {"width": 4, "layers": 2}
RECIPES = {
    "pix2pix": Recipe(
        network={"name": "pix2pix", "options": {"width": 4, "depth": 3}},
        adversary={"name": "pix2pix", **SMALL},
        epochs=4,
        batch_size=4,
    ),
    "pix2pixhd": Recipe(
        network={"name": "pix2pixhd", "options": {"width": 4, "downs": 1, "blocks": 1}},
        adversary={"name": "pix2pixhd", **SMALL},
        epochs=4,
        batch_size=4,
    ),
    "spade": Recipe(
        network={"name": "spade", "options": {"width": 4, "ups": 2, "hidden": 4}},
        adversary={"name": "spade", **SMALL},
        epochs=4,
        batch_size=4,
    ),
    "l2": Recipe(network="tiny", loss="l2", epochs=4, batch_size=4),
}


def same(first: Trained, second: Trained) -> bool:
    pairs = [(first.module, second.module)]
    pairs += [(one, second.companions[name]) for name, one in first.companions.items()]
    return all(
        torch.equal(a, b)
        for one, other in pairs
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


class Stop(Exception):
    pass


@pytest.mark.parametrize(
    "name",
    [
        "pix2pix",
        pytest.param("pix2pixhd", marks=pytest.mark.slow),
        pytest.param("spade", marks=pytest.mark.slow),
        "l2",
    ],
)
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "SAVED_EVERY", 0.0)
    recipe, path = RECIPES[name], tmp_path / "weights.partial"
    whole = fit(recipe, RECORDS, seed=1, pictures=True)
    assert not path.exists()

    def stop(epoch: int, loss: float) -> None:
        if epoch == 3:
            raise Stop

    with pytest.raises(Stop):
        fit(recipe, RECORDS, seed=1, partial=path, on_epoch=stop, pictures=True)
    seen: list[int] = []
    again = fit(
        recipe,
        RECORDS,
        seed=1,
        partial=path,
        on_epoch=lambda epoch, loss: seen.append(epoch),
        pictures=True,
    )
    assert seen == [3, 4]
    assert same(whole, again)
    assert whole.epoch_losses == again.epoch_losses
    assert whole.pictures.keys() == again.pictures.keys() == {1, 2, 3, 4}
    # Another seed's state, or a damaged one, is passed over.
    other = fit(recipe, RECORDS, seed=2, partial=path)
    assert same(other, fit(recipe, RECORDS, seed=2))
    path.write_bytes(b"nonsense")
    assert same(fit(recipe, RECORDS, seed=1, partial=path), whole)


def test_pictures_change_nothing() -> None:
    recipe = RECIPES["pix2pix"].model_copy(
        update={
            "network": Recipe(
                network={
                    "name": "pix2pix",
                    "options": {"width": 4, "depth": 3, "sampling": True},
                }
            ).network
        }
    )
    assert same(fit(recipe, RECORDS, seed=1, pictures=True), fit(recipe, RECORDS, seed=1))


ADVERSARIAL = ("pix2pix", "pix2pixhd", "spade")


@pytest.fixture(scope="module")
def trained_generators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedModel]:
    """One of each kind."""
    folder = tmp_path_factory.mktemp("generators")
    jobs = []
    for name in ADVERSARIAL:
        recipe = RECIPES[name].model_copy(update={"epochs": 12, "lr": 0.002})
        path = folder / f"{name}.safetensors"
        jobs.append(TrainingJob(name, recipe, RECORDS, 0, path, pictures=True))
    models = dict(zip(ADVERSARIAL, train_all(jobs), strict=True))
    assert train_all(jobs, resume=True) == list(models.values())
    # A job whose discriminator went missing is not finished.
    for name in ADVERSARIAL:
        (folder / f"{name}.discriminator.safetensors").unlink()
    again = dict(zip(ADVERSARIAL, train_all(jobs, resume=True), strict=True))
    assert all(again[name].seconds != models[name].seconds for name in ADVERSARIAL)
    return again


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_generators_learn_and_leave_their_discriminator(
    name: str, trained_generators: dict[str, TrainedModel]
) -> None:
    model = trained_generators[name]
    assert model.epoch_losses[-1] < model.epoch_losses[0]
    with Image.open(model.path.with_suffix(".png")) as sheet:
        assert min(sheet.size) > 100
    assert not partial_path(model.path).exists()
    answer = load_network(model.path)(INPUTS[:2])
    assert answer.shape == (2, 1, 32, 32)
    answer = answer.detach()
    assert 0 <= float(answer.min()) <= float(answer.max()) <= 1
    judge = load_discriminator(model.path.with_suffix(".discriminator.safetensors"))
    assert len(judge(INPUTS[:2], OUTPUTS[:2])) == RECIPES[name].adversary.scales  # type: ignore[union-attr]
    with pytest.raises(InputError, match="holds no discriminator"):
        load_discriminator(model.path)


def test_losses_by_hand() -> None:
    # Two scales; inner answers 1 and 3 (real), 2 and 5 (made); logits 0.5 and -1, -0.5 and 2.
    def answers(
        inner: tuple[float, float], logits: tuple[float, float]
    ) -> list[list[torch.Tensor]]:
        return [
            [torch.full((1, 1), float(i)), torch.full((1, 1), z)]
            for i, z in zip(inner, logits, strict=True)
        ]

    real, made = answers((1, 3), (0.5, -1.0)), answers((2, 5), (-0.5, 2.0))
    # hinge: scale 1: (max(0, .5) + max(0, .5)) / 2, scale 2: (max(0, 2) + max(0, 3)) / 2
    assert float(against_real_and_made("hinge", real, made)) == pytest.approx((0.5 + 2.5) / 2)
    assert float(against_judge("hinge", made)) == pytest.approx((0.5 - 2.0) / 2)
    squares = ((0.5**2 + 0.5**2) / 2 + (2.0**2 + 2.0**2) / 2) / 2
    assert float(against_real_and_made("least-squares", real, made)) == pytest.approx(squares)
    assert float(against_judge("least-squares", made)) == pytest.approx((1.5**2 + 1.0) / 2)
    assert float(feature_distance(real, made)) == pytest.approx((1 + 2) / 2)
    cross = torch.nn.functional.softplus(torch.tensor([0.5, -2.0])).mean()
    assert float(against_judge("bce", made)) == pytest.approx(float(cross))


def test_the_receptive_field_is_70_pixels() -> None:
    adversary = Adversary(name="pix2pix", width=4)
    judge = Discriminator(adversary, 1, 1, (128, 128))
    # Instance normalisation sees the whole image, so it is taken out to look at the convolutions.
    for part in judge.modules():
        if isinstance(part, torch.nn.InstanceNorm2d):
            part.forward = lambda x: x  # type: ignore[method-assign]
    image = torch.rand(1, 1, 128, 128, requires_grad=True)
    logits = judge(image, torch.zeros(1, 1, 128, 128))[0][-1]
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    assert image.grad is not None
    rows = image.grad[0, 0].abs().sum(dim=1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 70


def test_what_does_not_go_together_is_refused() -> None:
    labels = Records(
        [RecordKey("a")], lambda i: (INPUTS[0], torch.zeros(32, 32).long()), LabelTruth(2)
    )
    with pytest.raises(InputError, match="the loss l1 compares images, but the truth of these"):
        fit(RECIPES["pix2pix"], labels, seed=0)
    wide = Records([RecordKey("a")], _load, ImageTruth(1, -1.0, 1.0), "wide")
    with pytest.raises(InputError, match=r"generators are trained on true images in 0\.\.1"):
        fit(RECIPES["l2"], wide, seed=0)
    with pytest.raises(InputError, match="16 x 16 are too small for a discriminator of 3"):
        Discriminator(Adversary(), 1, 1, (16, 16))


def test_a_generator_needs_no_loss_named() -> None:
    assert Recipe(network="spade").loss == Recipe(network="unet", adversary="pix2pix").loss == "l1"
    assert Recipe(network="unet").loss == "dice+ce"
    assert (
        "least-squares adversary of width 64 + 2 scales"
        in RECIPES["pix2pixhd"]
        .model_copy(update={"adversary": Adversary(name="pix2pixhd")})
        .description
    )


def test_sampling_generators_sample() -> None:
    options = {"width": 4, "depth": 4}
    sampling = NETWORKS["pix2pix"].configured({**options, "sampling": True})
    module = sampling.build(2, 1, (32, 32)).eval()
    fixed = NETWORKS["pix2pix"].configured(options).build(2, 1, (32, 32)).eval()
    assert not torch.equal(module(INPUTS), module(INPUTS))
    assert torch.equal(fixed(INPUTS), fixed(INPUTS))


def test_one_hot_inputs_can_be_looked_at() -> None:
    layers = torch.zeros(4, 2, 2)
    layers[0, 0], layers[3, 1] = 1, 1
    assert as_picture(layers).tolist() == [[0, 0], [255, 255]]
    assert as_picture(torch.tensor([[[-1.0, 1.0]]])).tolist() == [[0, 255]]
