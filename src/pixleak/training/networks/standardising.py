"""Standardise the image inside the network, so that records stay in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Standardised(nn.Module):
    """Subtracts a mean and divides by a standard deviation per channel before the network.

    Args:
        network: the module inside.
        mean: one per channel.
        std: one per channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        # Constants of the architecture, not weights: they stay out of the checkpoint.
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, K, h, w)."""
        answer: Tensor = self.network((images - self.mean) / self.std)
        return answer
