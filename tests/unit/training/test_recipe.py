from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from pixleak.training.recipe import Recipe


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
