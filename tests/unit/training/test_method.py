"""Training methods: a recipe is one, and another is trained, saved and refused like it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from pixel_method import PixelRegression
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.defences.output.rounding import Rounding
from pixleak.defences.training.mix_up import MixUp
from pixleak.defences.training.weight_decay import WeightDecay
from pixleak.training import METHODS, Recipe, TrainingMethod
from pixleak.training.defence import check_defences, described, modified_recipe
from pixleak.training.jobs import TrainingJob, finished, train_all
from toy_records import bright_squares

LABELS = LabelTruth(2)


def test_the_table_holds_classes_by_their_key() -> None:
    assert METHODS["recipe"] is Recipe
    assert isinstance(Recipe(), TrainingMethod)
    for name, method in METHODS.items():
        assert method.name == name
        assert method.summary


@pytest.mark.slow
def test_a_method_is_trained_in_a_process_and_loaded_again(tmp_path: Path) -> None:
    records = bright_squares(8)
    job = TrainingJob("mine", PixelRegression(rounds=4), records, 3, tmp_path / "w.pt")
    heard: list[tuple[str, int, int | None]] = []
    (model,) = train_all(
        [job], workers=1, progress=lambda name, at, of, _: heard.append((name, at, of))
    )
    here = job.method.train(records, seed=3)
    assert heard == [("mine", epoch, None) for epoch in (1, 2, 3, 4)]
    assert model.epoch_losses == pytest.approx(here.epoch_losses)
    assert model.epoch_losses[-1] < model.epoch_losses[0]
    assert model.facts == {"records": "all"}
    stored = job.method.load(model.path).state_dict()
    for key, value in here.module.state_dict().items():
        torch.testing.assert_close(stored[key], value)
    assert {path.name for path in tmp_path.iterdir()} == {"w.pt", "w.json"}
    summary = json.loads((tmp_path / "w.json").read_text())
    assert summary["pixel-regression"] == {"rounds": 4, "lr": 0.5}
    assert finished(job) == model


@pytest.mark.parametrize(
    "other",
    [
        {"method": PixelRegression(rounds=5)},
        {"method": Recipe(network="tiny", epochs=4)},
        {"seed": 4},
    ],
)
def test_a_file_of_another_training_is_not_taken_for_this_one(
    other: dict[str, object], tmp_path: Path
) -> None:
    given = {"method": PixelRegression(rounds=4), "seed": 3}
    common = {"name": "mine", "records": bright_squares(8), "path": tmp_path / "w.pt"}
    train_all([TrainingJob(**common, **given)])  # type: ignore[arg-type]
    assert finished(TrainingJob(**common, **given)) is not None  # type: ignore[arg-type]
    assert finished(TrainingJob(**common, **given | other)) is None  # type: ignore[arg-type]


def test_defences_of_the_training_change_recipes_only() -> None:
    method = PixelRegression()
    check_defences((Rounding(),), method, LABELS, reserve=False)
    sentence = (
        "defence 'mix-up' changes recipes only, but the models here are trained by the method "
        "'pixel-regression': leave the defence out, or train by a recipe"
    )
    with pytest.raises(InputError) as caught:
        check_defences((Rounding(), MixUp()), method, LABELS, reserve=False)
    assert str(caught.value) == sentence
    assert modified_recipe(method, (WeightDecay(),)) is method
    assert modified_recipe(Recipe(), (WeightDecay(decay=0.5),)).weight_decay == 0.5


def test_what_determines_a_training() -> None:
    assert described(PixelRegression(rounds=2), ()) == {"rounds": 2, "lr": 0.5}
    found = described(Recipe(network="tiny"), (MixUp(alpha=0.5),))
    assert found["network"] == {"name": "tiny", "options": {"width": 8, "layers": 2}}
    assert found["defences"] == [{"name": "mix-up", "options": {"alpha": 0.5}}]


def test_a_method_of_a_few_lines_leaves_the_rest_to_its_base() -> None:
    method = PixelRegression()
    assert (method.label, method.steps, method.trial()) == ("pixel-regression", None, None)
    assert method.outputs(Path("w")) == (Path("w"),)
    assert not method.has_discriminator
    method.check_sampling(5)
    with pytest.raises(InputError, match="is trained on label maps"):
        method.check(ImageTruth(1))


def test_a_recipe_says_what_the_pipeline_asks() -> None:
    recipe = Recipe(network="pix2pix", adversary="pix2pix", epochs=7, batch_size=4)
    assert (recipe.label, recipe.steps, recipe.has_discriminator) == ("pix2pix", 7, True)
    short, count = recipe.trial()
    assert (short.epochs, count) == (2, 16)
    assert short.model_copy(update={"epochs": 7}) == recipe
    assert [path.name for path in recipe.outputs(Path("w.safetensors"))] == [
        "w.safetensors",
        "w.discriminator.safetensors",
    ]
    with pytest.raises(InputError, match=r"target\.samples is 3, but network 'pix2pix' gives the"):
        recipe.check_sampling(3)
    recipe.check_sampling(1)
    with pytest.raises(InputError, match="the loss l1 compares images"):
        recipe.check(LABELS)
