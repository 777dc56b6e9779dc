"""Draw from global generators of random numbers and restore their state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, device: str | torch.device = "cpu") -> Iterator[None]:
    """Seed torch's global generators inside the block, and restore their states afterwards.

    Initialisation and dropout draw from them and take no generator of their own.

    Args:
        seed: at least 0.
        device: whose generator to seed beside the CPU's.
    """
    device = torch.device(device)
    others = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=others, enabled=True):
        torch.manual_seed(seed)
        yield


@contextmanager
def all_seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators, and restore them afterwards.

    Args:
        seed: at least 0.
        device: whose generator to seed beside the CPU's.
    """
    draws, numbers = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with seeded(seed, device):
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002
            yield
    finally:
        random.setstate(draws)
        np.random.set_state(numbers)  # noqa: NPY002
