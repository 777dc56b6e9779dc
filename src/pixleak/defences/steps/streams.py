"""Random streams of defences, separate from those of the training itself."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Generator, Tensor

_STREAMS = {"noise": 1, "adversary": 2, "teacher": 3}
"""Positions in the seed sequence of a training; 0 is the training's order and augmentation."""


def stream_seed(seed: int, purpose: Literal["noise", "adversary", "teacher"]) -> int:
    """The seed of a defence's own stream, derived from the seed of the training."""
    position = _STREAMS[purpose]
    return int(np.random.SeedSequence(seed).generate_state(position + 1)[position])


class GeneratorState:
    """The state of a random generator as part of a training, so that it can resume.

    Args:
        generator: whose state it is.
    """

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def state_dict(self) -> dict[str, Any]:
        """The generator's state."""
        return {"state": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        self.generator.set_state(state["state"])


def cycled(count: int, total: int, generator: Generator) -> Tensor:
    """(total,) positions out of ``count``, at random; none repeats before all have occurred."""
    rounds = -(-total // count)
    orders = [torch.randperm(count, generator=generator) for _ in range(rounds)]
    return torch.cat(orders)[:total]
