from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.training.recipe import Recipe
from pixleak.training.untrained import untrained


def vector(module: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(module.parameters()).detach()


def test_untrained_is_seeded_and_answers_with_every_class() -> None:
    recipe = Recipe(network="tiny")
    state = torch.get_rng_state()
    module = untrained(recipe, 3, LabelTruth(5), (6, 7), seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert module(torch.rand(2, 3, 6, 7)).shape == (2, 5, 6, 7)
    assert torch.equal(vector(module), vector(untrained(recipe, 3, LabelTruth(5), (6, 7), seed=1)))
    other = untrained(recipe, 3, LabelTruth(5), (6, 7), seed=2)
    assert not torch.equal(vector(module), vector(other))
    image = untrained(recipe, 3, ImageTruth(1), (6, 7), seed=1)
    assert image(torch.rand(2, 3, 6, 7)).shape == (2, 1, 6, 7)


def test_recipes_that_cannot_be_built() -> None:
    pytest.importorskip("segmentation_models_pytorch")
    recipe = Recipe(network={"name": "smp-unet", "options": {"encoder": "resnet43"}})
    with pytest.raises(InputError, match="did you mean 'resnet34'"):
        untrained(recipe, 3, LabelTruth(2), (32, 32), seed=0)
