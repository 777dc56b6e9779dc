"""Draw from torch's global generators and restore their state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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
