"""Pairs and shares for defences that mix records."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from pixleak.core.errors import InputError, setting
from pixleak.training.recipe import Recipe


def check_batches(name: str, recipe: Recipe | None) -> None:
    """Refuse batches of a single record.

    Raises:
        InputError: the recipe's batch size is 1.
    """
    if recipe is not None and recipe.batch_size < 2:
        raise InputError(
            f"defence {name!r} mixes the records of a batch, but a batch has only one: set "
            f"{setting('target.recipe.batch_size')} to 2 or more"
        )


def partners(count: int, draws: Generator) -> Tensor:
    """(b,) for each position another one, each used once: a random cycle through all positions.

    Raises:
        InputError: there is only one position.
    """
    if count < 2:
        raise InputError("a batch of one record cannot be mixed: train on at least two records")
    order = torch.randperm(count, generator=draws)
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other


def shares(count: int, beta: float, draws: Generator) -> Tensor:
    """(b,) float32 drawn independently from Beta(beta, beta)."""
    # Torch's own Beta distribution takes no generator.
    seed = int(torch.randint(2**31, (1,), generator=draws))
    drawn = np.random.default_rng(seed).beta(beta, beta, size=count)
    return torch.from_numpy(drawn).float()
