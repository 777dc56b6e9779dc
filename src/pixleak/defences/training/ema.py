"""Exponential moving average: keep the average of the weights over the training.

Idea: each batch pulls the weights towards its own records; the average over many steps keeps what
the batches have in common. After the n-th step::

    a_n = d_n a_(n-1) + (1 - d_n) w_n,   d_n = min(decay, 1 - 1/n)

so that it starts as the plain mean, without the random initialisation. Running statistics of
normalisation are averaged likewise; counters are those of the last step. The training itself does
not change.

Source:
    Polyak, Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM J. Control
    Optim. 1992; in this form: Tarvainen, Valpola, "Mean teachers", NeurIPS 2017, arXiv:1703.01780.

Differs from the source:
    There the average is a teacher; here it is the model that is kept. Against an adversary only
    the generator is averaged.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer


@dataclass(frozen=True, kw_only=True)
class Ema(Defence):
    """An average of the weights.

    Args:
        decay: d; the average covers about 1 / (1 - decay) steps.
    """

    name: ClassVar[str] = "ema"
    title: ClassVar[str] = "Averaged weights"
    summary: ClassVar[str] = "keep an exponential moving average of the weights"
    source: ClassVar[str] = "Tarvainen & Valpola 2017, arXiv:1703.01780"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"

    decay: float = 0.999

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise InputError(f"ema needs a decay between 0 and 1, got {self.decay}")

    def trainer(self) -> type[Trainer]:
        return EmaTrainer


class WeightAverage:
    """The average of a module's weights over its training.

    Args:
        module: copied.
        decay: d.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Include the weights after a step."""
        self.steps += 1
        share = 1 - min(self.decay, 1 - 1 / self.steps)
        pairs = zip(self.module.state_dict().values(), module.state_dict().values(), strict=True)
        for mean, value in pairs:
            if mean.is_floating_point():
                mean += share * (value - mean)
            else:
                mean.copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Weights and number of steps."""
        return {"module": self.module.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state."""
        self.module.load_state_dict(state["module"])
        self.steps = state["steps"]


class EmaTrainer(Trainer):
    """Updates the average after each step."""

    average: WeightAverage

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        self.average = WeightAverage(module, self.defence(Ema).decay)
        return {**super().parts(module, optimizer, schedule), "average": self.average}

    def step(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        images: Tensor,
        truths: Tensor,
        epoch: Epoch,
    ) -> float:
        loss = super().step(module, optimizer, images, truths, epoch)
        self.average.update(module)
        return loss

    def kept(self, module: nn.Module) -> nn.Module:
        return self.average.module

    def final(self, module: nn.Module) -> nn.Module:
        return super().final(self.average.module)
