"""Weight decay replaces the recipe's."""

from __future__ import annotations

import pytest
from torch import nn

from pixleak.core.errors import InputError
from pixleak.defences.training.crop_training import CropTraining
from pixleak.defences.training.weight_decay import WeightDecay
from pixleak.training.defence import modified_recipe
from pixleak.training.loop.fit import fit
from toy_records import bright_squares
from trainings import TINY, defended, refused, same

RECORDS = bright_squares()


def test_weight_decay_is_the_recipes() -> None:
    decayed = defended(TINY, RECORDS, WeightDecay(decay=0.1))
    assert same(decayed, fit(TINY.model_copy(update={"weight_decay": 0.1}), RECORDS, seed=0))
    adamw = modified_recipe(TINY, (WeightDecay(decay=0.1, adamw=True),))
    assert (adamw.optimizer, adamw.weight_decay) == ("adamw", 0.1)

    def size(module: nn.Module) -> float:
        return float(nn.utils.parameters_to_vector(module.parameters()).detach().norm())

    assert size(defended(TINY, RECORDS, WeightDecay(decay=1.0)).module) < size(
        defended(TINY, RECORDS).module
    )
    sgd = TINY.model_copy(update={"optimizer": "sgd"})
    refused("the recipe's is sgd", sgd, RECORDS, WeightDecay(adamw=True))
    for decay in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match="needs decay above 0"):
            WeightDecay(decay=decay)


def test_longer_training_of_crops_is_counted_in_the_schedule() -> None:
    recipe = modified_recipe(TINY, (CropTraining(), WeightDecay()))
    assert (recipe.epochs, recipe.weight_decay) == (9, 1e-3)
