"""What learned signals that train a torch module share: inputs, training loop, storage."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.signals.learned.base import Arrays, FittedSignal, OnEpoch
from pixleak.signals.pixels.labels import Pixels

Rows = NDArray[np.int64]
Inputs = Literal["log-odds", "probabilities"]


@dataclass(frozen=True)
class Schedule:
    """How a module is trained.

    Args:
        epochs: passes over the shadow's records.
        batch_size: records per step.
        lr: NAdam's learning rate.
        decay: whether the rate falls to zero along a half cosine. A constant rate ends at a
            random point of its fluctuations.
        weight_decay: decoupled.
    """

    epochs: int
    batch_size: int
    lr: float
    decay: bool
    weight_decay: float = 0.0

    def check(self, name: str) -> None:
        """Refuse what cannot train.

        Raises:
            InputError: a number is out of range.
        """
        if self.epochs < 1 or self.batch_size < 1 or not self.lr > 0:
            raise InputError(
                f"{name}: epochs and batch_size must be at least 1 and lr positive, got "
                f"epochs={self.epochs}, batch_size={self.batch_size}, lr={self.lr}"
            )
        if self.weight_decay < 0:
            raise InputError(f"{name}: weight_decay must be at least 0, got {self.weight_decay}")


def train(
    module: nn.Module,
    batch: Callable[[Rows, np.random.Generator], Tensor],
    labels: Tensor,
    schedule: Schedule,
    generator: np.random.Generator,
    *,
    held_out: Callable[[nn.Module], float] | None = None,
    on_epoch: OnEpoch | None = None,
) -> dict[str, list[float]]:
    """Fit a binary classifier with NAdam on the logistic loss; leaves it in evaluation mode.

    Args:
        module: (b, c, h, w) -> (b, 1) logits.
        batch: row numbers -> (b, c, h, w) standardised inputs.
        labels: (n,) float32, 1 for members.
        schedule: how long and how fast.
        generator: of the order of records.
        held_out: the module's accuracy on shadow records that it is not trained on.
        on_epoch: called with (epochs done, epochs).

    Returns:
        ``"loss"`` and ``"accuracy"`` at cut .5 of each epoch, on the records as they were
        trained on, and ``"held-out accuracy"`` where it was asked for.
    """
    optimiser = torch.optim.NAdam(
        module.parameters(),
        lr=schedule.lr,
        weight_decay=schedule.weight_decay,
        decoupled_weight_decay=True,
    )
    count = len(labels)
    # One record has no useful batch statistics, so a last batch of one joins the one before.
    steps = max(1, (count + schedule.batch_size // 2) // schedule.batch_size)
    steps = min(steps, max(1, count // 2))
    total = steps * schedule.epochs
    cosine = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda done: 0.5 * (1.0 + float(np.cos(np.pi * done / total))) if schedule.decay else 1.0,
    )
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    module.train()
    for epoch in range(schedule.epochs):
        loss_sum, right = 0.0, 0
        for rows in np.array_split(generator.permutation(count), steps):
            logits = module(batch(rows, generator)).squeeze(1)
            truth = labels[torch.from_numpy(rows)]
            loss = functional.binary_cross_entropy_with_logits(logits, truth)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cosine.step()
            loss_sum += float(loss.detach()) * len(rows)
            right += int(((logits.detach() > 0) == (truth > 0.5)).sum())
        history["loss"].append(loss_sum / count)
        history["accuracy"].append(right / count)
        if held_out is not None:
            module.eval()
            history.setdefault("held-out accuracy", []).append(held_out(module))
            module.train()
        if on_epoch is not None:
            on_epoch(epoch + 1, schedule.epochs)
    module.eval()
    return history


def map_inputs(pixels: Pixels, inputs: Inputs | Literal["labels"], with_truth: bool) -> Tensor:
    """(b, K or 2 K, h, w) float32: the predicted map, then the one-hot truth; 0 where ignored."""
    if inputs == "labels":
        maps = pixels.predicted_one_hot
    else:
        maps = pixels.log_odds if inputs == "log-odds" else pixels.probabilities
    if pixels.valid is not None:
        maps = maps * pixels.valid.unsqueeze(1)
    return torch.cat([maps, pixels.truth_one_hot], dim=1) if with_truth else maps


def channel_moments(parts: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel of (b, c, ...) parts, one in memory at a time.

    Returns:
        Two (c,) float32 tensors; the deviation is at least a thousandth.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for part in parts:
        wide = part.transpose(0, 1).flatten(1).to(torch.float64)
        count += wide.shape[1]
        total = total + wide.sum(dim=1)
        squares = squares + wide.square().sum(dim=1)
    mean = total / count
    scale = (squares / count - mean.square()).clamp_min(0.0).sqrt().clamp_min(1e-3)
    return mean.float(), scale.float()


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedModule(FittedSignal):
    """A learned signal around a torch module, rebuilt from ``settings`` when first used."""

    @abstractmethod
    def _built(self) -> nn.Module:
        """The module of these settings, with any weights."""

    @cached_property
    def module(self) -> nn.Module:
        """The module with the learnt weights, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):  # construction draws weights that are replaced
            module = self._built()
        weights = {
            name.removeprefix(_WEIGHT): torch.from_numpy(np.array(values))
            for name, values in self.arrays.items()
            if name.startswith(_WEIGHT)
        }
        module.load_state_dict(weights)
        return module.eval().requires_grad_(False)


_WEIGHT = "weight/"


def module_arrays(module: nn.Module, **others: Tensor) -> Arrays:
    """The weights of a module under names of their own, and other tensors."""
    state: dict[str, Any] = {_WEIGHT + name: value for name, value in module.state_dict().items()}
    return {name: value.detach().cpu().numpy() for name, value in (state | others).items()}
