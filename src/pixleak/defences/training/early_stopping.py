"""Early stopping: keep the best epoch on records that are not trained on.

Idea: once the loss on other records has stopped falling, further training memorises the training
records. After each epoch the mean loss on the reserve is measured, in evaluation mode; training
stops after a number of epochs without a new minimum, and the weights of the minimum are kept::

    kept = argmin over epochs e of  mean over the reserve of loss(f_e(x), y),   the first if tied

The reserve only selects an epoch, but should therefore not be counted among the non-members.

Source:
    Prechelt, "Early Stopping - But When?", 1998. As a defence: Song and Mittal, USENIX Security
    2021, arXiv:2003.10595.

Differs from the source:
    The loss is the recipe's own, on whole images, without changes by other defences; for a
    generator with an adversary it is the pixel loss. If another defence averages the weights, the
    averages are evaluated. The learning rate is scheduled as for the full number of epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError, setting
from pixleak.defences.steps.saved_state import AttributeState
from pixleak.defences.steps.shared_checks import required_reserve
from pixleak.targets.module import evaluating
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.feed import feed
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Defence):
    """The best epoch on the reserve.

    Args:
        patience: number of epochs without a new lowest loss after which training stops.
    """

    name: ClassVar[str] = "early-stopping"
    title: ClassVar[str] = "Early stopping"
    summary: ClassVar[str] = "keep the epoch with the lowest loss on the reserve"
    source: ClassVar[str] = "Song & Mittal 2021, arXiv:2003.10595"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    needs_reserve: ClassVar[bool] = True

    patience: int = 10

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise InputError(f"early-stopping needs patience of at least 1, got {self.patience}")

    def trainer(self) -> type[Trainer]:
        return EarlyStoppingTrainer


class BestEpoch(AttributeState):
    """The best epoch so far; 0 before the first."""

    saved: ClassVar[tuple[str, ...]] = ("epoch", "loss", "weights")

    def __init__(self) -> None:
        self.epoch = 0
        self.loss = float("inf")
        self.weights: dict[str, Tensor] = {}


class EarlyStoppingTrainer(Trainer):
    """Evaluates the reserve after each epoch."""

    best: BestEpoch

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        self.best = BestEpoch()
        return {**super().parts(module, optimizer, schedule), "best": self.best}

    def over(self, epoch: int, module: nn.Module) -> bool:
        over = super().over(epoch, module)
        kept = self.kept(module)
        loss = self.loss_on_reserve(kept)
        if loss < self.best.loss:
            weights = {key: value.detach().clone() for key, value in kept.state_dict().items()}
            self.best.epoch, self.best.loss, self.best.weights = epoch, loss, weights
        return over or epoch - self.best.epoch >= self.defence(EarlyStopping).patience

    def final(self, module: nn.Module) -> nn.Module:
        module = super().final(module)
        if self.best.epoch == 0:
            raise InputError(
                "early-stopping found no epoch with a finite loss on the reserve: set "
                f"{setting('target.recipe.lr')} below {self.recipe.lr:g}"
            )
        module.load_state_dict(self.best.weights)
        return module

    def facts(self) -> dict[str, float | str]:
        kept: dict[str, float | str] = {
            "epoch kept": float(self.best.epoch),
            "loss on the reserve": self.best.loss,
        }
        return {**super().facts(), **kept}

    def loss_on_reserve(self, module: nn.Module) -> float:
        """The recipe's mean loss; training modes and random states stay unchanged."""
        reserve = required_reserve("early-stopping", self.reserve)
        load = feed(reserve)
        devices = [self.device] if self.device.type == "cuda" else []
        total = 0.0
        with evaluating(module), torch.random.fork_rng(devices=devices), torch.no_grad():
            for positions in torch.split(torch.arange(len(reserve)), self.recipe.batch_size):
                images, truths = (part.to(self.device) for part in load(positions))
                # Not self.losses, which other defences may change.
                total += float(self.recipe_losses(module, images, truths).sum())
        return total / len(reserve)
