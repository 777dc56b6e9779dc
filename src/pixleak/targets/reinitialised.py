"""A copy of somebody's module with random weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


def reinitialised(module: nn.Module, seed: int) -> nn.Module | None:
    """A copy of a module with every weight drawn again, or None where that is not possible.

    Args:
        module: left as it is.
        seed: of the initialisation; the global generators stay as they are.

    Returns:
        None where the module cannot be copied, has nothing to reset, or holds a parameter whose
        owner has no ``reset_parameters``: a module that keeps some weights is not untrained.
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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for reset in resets:
            reset()
    return fresh
