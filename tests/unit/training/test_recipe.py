from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from pydantic import ValidationError

from dotted_network import Dotted, NotTheTiny
from pixleak.core.errors import InputError
from pixleak.training.jobs import TrainingJob, train_all
from pixleak.training.networks.tiny import Tiny
from pixleak.training.recipe import Recipe
from toy_records import bright_squares


def test_options_are_completed_and_survive_json() -> None:
    recipe = Recipe(network={"name": "unet", "options": {"widths": [8, 16]}})
    assert recipe.network.options == {"widths": [8, 16], "norm": "instance", "dropout": 0.0}
    again = Recipe.model_validate(json.loads(recipe.model_dump_json()))
    assert again == recipe
    assert Recipe() == Recipe(network="unet")
    assert Recipe(network={"options": {"widths": [8, 16]}}) == recipe


def test_description() -> None:
    recipe = Recipe(
        network={"name": "unet", "options": {"widths": [8, 16]}},
        loss="dice",
        epochs=7,
        optimizer="nadam",
        lr=1e-4,
        weight_decay=0.01,
        schedule="linear",
        augment="flips",
    )
    assert recipe.description == (
        "unet (widths=8-16, norm=instance, dropout=0.0), dice, 7 epochs, batch 8, "
        "nadam 0.0001 linear, weight decay 0.01, flips"
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"network": "unett"}, "unknown name 'unett' among the networks, did you mean 'unet'?"),
        (
            {"network": {"name": "unet", "options": {"width": 3}}},
            "network 'unet' has no option 'width', did you mean 'widths'?",
        ),
        (
            {"network": {"name": "unet", "options": {"dropout": 2}}},
            "network 'unet', option dropout: Input should be less than 1",
        ),
        ({"epoch": 3}, "Extra inputs are not permitted"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"lr": 0.0}, "greater than 0"),
        ({"lr": float("nan")}, "lr"),
        ({"network": "pix2pix", "loss": "dice"}, "is a generator: its loss is l1 or l2, not dice"),
        ({"adversary": "spade", "loss": "ce"}, "an adversary goes with the loss l1 or l2, not ce"),
        ({"adversary": "cyclegan"}, "'pix2pix', 'pix2pixhd' or 'spade'"),
        ({"loss": "focal"}, "'dice', 'ce', 'dice+ce', 'l1' or 'l2'"),
    ],
)
def test_wrong_settings(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Recipe.model_validate(settings)
    assert sentence in str(caught.value)


def test_a_network_of_the_table_given_as_an_object_is_the_one_given_by_name() -> None:
    named = Recipe(network={"name": "tiny", "options": {"width": 4}})
    assert Recipe(network=Tiny(width=4)) == named
    assert Recipe(network=Tiny(width=4)).identity == named.identity


def test_a_network_of_no_table_is_trained_saved_and_loaded(tmp_path: Path) -> None:
    recipe = Recipe(network=Dotted(width=3), epochs=1)
    assert recipe.description.startswith("dotted (width=3), ")
    assert pickle.loads(pickle.dumps(recipe)).network.configured() == Dotted(width=3)
    assert recipe.identity != Recipe(network=Dotted(width=2), epochs=1).identity
    job = TrainingJob("mine", recipe, bright_squares(8), 0, tmp_path / "w.safetensors")
    train_all([job])
    again = recipe.load(job.path)
    assert sum(values.numel() for values in again.state_dict().values()) == 3 + 3 + 6 + 2


def test_two_networks_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="another network called 'tiny': give NotTheTiny a name"):
        Recipe(network=NotTheTiny())
