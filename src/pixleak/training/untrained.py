"""A recipe's network before its training."""

from __future__ import annotations

from torch import nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.training.recipe_settings import RecipeSettings
from pixleak.training.seeded import seeded


def outputs_of(truth: Truth) -> int:
    """How many channels a network answers with: K for K classes, also where K is two."""
    return truth.classes if isinstance(truth, LabelTruth) else truth.channels


def untrained(
    recipe: RecipeSettings, channels: int, truth: Truth, size: tuple[int, int], seed: int
) -> nn.Module:
    """The module that training by this recipe starts from, given the same seed.

    Args:
        recipe: names the network.
        channels: of the images.
        truth: what the network answers with.
        size: (h, w) of the images.
        seed: of the initialisation; the global generators stay as they are.

    Raises:
        InputError: the network cannot be built.
        MissingExtraError: a package that it needs is not installed.
    """
    network = recipe.network.configured()
    if isinstance(truth, LabelTruth) and network.kind == "images":
        raise InputError(
            f"network {network.name!r} is a generator: it answers with images, but the truth of "
            "these records is a label map"
        )
    with seeded(seed):
        module = network.build(channels, outputs_of(truth), size)
    if recipe.network.group_norm:
        from pixleak.training.networks.group_norm import group_normed

        return group_normed(module)
    return module
