"""Who is mixed with whom, and how much: what defences that mix records have in common."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from pixleak.core.errors import InputError
from pixleak.training.recipe import Recipe


def check_batches(name: str, recipe: Recipe | None) -> None:
    """Refuse batches that hold no two records.

    Raises:
        InputError: the recipe's batches are of one record.
    """
    if recipe is not None and recipe.batch_size < 2:
        raise InputError(
            f"defence {name!r} mixes the records of a batch, but batch_size is 1: set 2 or more"
        )


def partners(count: int, draws: Generator) -> Tensor:
    """(b,) for each position another one, each taken once: a random cycle through all of them.

    Raises:
        InputError: there is no other one.
    """
    if count < 2:
        raise InputError("a batch of one record cannot be mixed: train on at least two records")
    order = torch.randperm(count, generator=draws)
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other


def shares(count: int, beta: float, draws: Generator) -> Tensor:
    """(b,) float32 from Beta(beta, beta), each drawn on its own."""
    # Torch's own Beta distribution takes no generator.
    seed = int(torch.randint(2**31, (1,), generator=draws))
    drawn = np.random.default_rng(seed).beta(beta, beta, size=count)
    return torch.from_numpy(drawn).float()
