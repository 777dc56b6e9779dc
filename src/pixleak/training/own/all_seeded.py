"""Seed every global generator of random numbers that code of others may draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from pixleak.training.seeded import seeded


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
