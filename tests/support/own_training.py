"""Training as somebody else might write it: a function, and a script that does the same."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader


class Small(nn.Module):
    """Two convolutions."""

    def __init__(self, channels: int = 1, outputs: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.second = nn.Conv2d(4, outputs, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        answers: Tensor = self.second(self.first(images).relu())
        return answers


def fitted(batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[nn.Module, float]:
    """A module after one pass, and its last loss."""
    module, loss = Small(), torch.zeros(())
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for images, labels in batches:
        loss = nn.functional.cross_entropy(module(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return module, float(loss.detach())


def train(
    records: Any, seed: int, progress: Callable[[int, float], None], epochs: int = 2
) -> nn.Module:
    """As a training function is called."""
    loader = DataLoader(records, batch_size=4, shuffle=True)
    module, loss = fitted(batch for _ in range(epochs) for batch in loader)
    for epoch in range(1, epochs + 1):
        sys.stdout.write(f"epoch {epoch} of {epochs}\n")
        progress(epoch, loss)
    return module


def load(path: Path) -> nn.Module:
    """What the script below wrote."""
    module = Small()
    module.load_state_dict(torch.load(path, weights_only=True))
    return module


def main(listed: str, seed: str, out: str) -> None:
    """As a script: ``own_training.py RECORDS SEED OUT``."""
    torch.manual_seed(int(seed))
    with Path(listed).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images, labels = (
        torch.stack([torch.from_numpy(np.load(row[name])) for row in rows])
        for name in ("image", "truth")
    )
    module, loss = fitted([(images, labels)] * 2)
    sys.stdout.write(f"loss {loss:.3f}\n")
    torch.save(module.state_dict(), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
