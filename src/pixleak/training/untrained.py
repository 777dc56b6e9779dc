"""The untrained-model control: an attack on it can only see what is not in the model."""

from __future__ import annotations

import copy

from torch import nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.training.networks import NETWORKS
from pixleak.training.recipe import Recipe
from pixleak.training.seeded import seeded


def outputs_of(truth: Truth) -> int:
    """How many channels a network answers with: K for K classes, two where there are two."""
    return truth.classes if isinstance(truth, LabelTruth) else truth.channels


def untrained(
    recipe: Recipe, channels: int, truth: Truth, size: tuple[int, int], seed: int
) -> nn.Module:
    """What training by this recipe starts from, given the same seed.

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
    network = NETWORKS[recipe.network.name]
    if isinstance(truth, LabelTruth) and network.kind == "images":
        raise InputError(
            f"network {network.name!r} is a generator: it answers with images, but the truth of "
            "these records is a label map"
        )
    with seeded(seed):
        module = network.build(channels, outputs_of(truth), size, **recipe.network.options)
    if recipe.network.group_norm:
        from pixleak.training.networks.group_norm import group_normed

        return group_normed(module)
    return module


def reinitialised(module: nn.Module, seed: int) -> nn.Module | None:
    """A copy of somebody's module with every weight drawn anew, or None where that cannot be done.

    Args:
        module: left as it is.
        seed: of the initialisation; the global generators stay as they are.

    Returns:
        None where the module cannot be copied, has nothing to reset, or holds a parameter whose
        owner has no ``reset_parameters``: half-trained is not untrained.
    """
    try:
        fresh = copy.deepcopy(module)
    except Exception:  # whatever the user's module raises on being copied
        return None
    resets = []
    for part in fresh.modules():
        # Attention layers spell it with an underscore. Normalisation without weights has running
        # statistics to reset, so not only owners of parameters are asked.
        reset = getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)
        if callable(reset):
            resets.append(reset)
        elif next(part.parameters(recurse=False), None) is not None:
            return None
    if not resets:
        return None
    with seeded(seed):
        for reset in resets:
            reset()
    return fresh
