"""A training method as somebody else might write it: a logistic regression on each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import Records
from pixleak.training.loop.trainer import TrainingDefence
from pixleak.training.method import TrainingMethod
from pixleak.training.seeded import seeded
from pixleak.training.trained import OnEpoch, Trained


class PixelRegression(TrainingMethod):
    """Gradient descent on all records at once."""

    name: ClassVar[str] = "pixel-regression"
    summary: ClassVar[str] = "a logistic regression on each pixel"
    suffix: ClassVar[str] = ".pt"

    rounds: int = 3
    lr: float = 0.5

    @property
    def description(self) -> str:
        return f"pixel regression, {self.rounds} rounds"

    def check(self, truth: Truth) -> None:
        if not isinstance(truth, LabelTruth):
            raise InputError("a pixel regression is trained on label maps")

    def train(
        self,
        records: Records,
        *,
        seed: int,
        device: str = "cpu",
        on_epoch: OnEpoch | None = None,
        partial: Path | None = None,
        pictures: bool = False,
        defences: Sequence[TrainingDefence] = (),
        reserve: Records | None = None,
    ) -> Trained:
        batch = records.batch(range(len(records)))
        channels, height, width = batch.images.shape[1:]
        module = self.untrained(channels, records.truth, (height, width), seed)
        optimizer = torch.optim.SGD(module.parameters(), lr=self.lr)
        losses = []
        for epoch in range(1, self.rounds + 1):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(module(batch.images), batch.truths)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
            if on_epoch is not None:
                on_epoch(epoch, losses[-1])
        return Trained(module.eval(), tuple(losses), seconds=0.1, facts={"records": "all"})

    def untrained(self, channels: int, truth: Truth, size: tuple[int, int], seed: int) -> nn.Module:
        assert isinstance(truth, LabelTruth)
        with seeded(seed), torch.no_grad():
            module = nn.Conv2d(channels, truth.classes, 1)
            for weight in module.parameters():
                weight.normal_(generator=torch.Generator().manual_seed(seed))
        return module

    def save(self, trained: Trained, records: Records, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(trained.module.state_dict(), path)

    def load(self, path: Path) -> nn.Module:
        state = torch.load(path, weights_only=True)
        outputs, channels = state["weight"].shape[:2]
        module = nn.Conv2d(channels, outputs, 1)
        module.load_state_dict(state)
        return module.eval()
