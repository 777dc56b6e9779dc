"""Streams of random numbers of a defence's own, and orders drawn from them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor


class Draws:
    """A generator of random numbers as a part of a training, to go on with.

    Args:
        generator: whose state it is.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def state_dict(self) -> dict[str, Any]:
        """Its state."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a state up."""
        self.generator.set_state(state["state"])


def cycled(count: int, wanted: int, generator: Generator) -> Tensor:
    """(wanted,) positions out of ``count``, in random order, none again before all have been."""
    rounds = -(-wanted // count)
    orders = [torch.randperm(count, generator=generator) for _ in range(rounds)]
    return torch.cat(orders)[:wanted]
