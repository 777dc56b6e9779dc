"""Train one model by a recipe.

The loop is cut into the steps of :class:`Trainer`, each a method that does one thing, so that a
way of training which differs in one of them (other batches, another loss, clipped gradients) is
a subclass that replaces it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.errors import InputError
from pixleak.records.base import Records
from pixleak.training.augment import augmented
from pixleak.training.feed import feed
from pixleak.training.losses import LOSSES
from pixleak.training.recipe import Recipe
from pixleak.training.seeded import seeded
from pixleak.training.untrained import untrained
from pixleak.types import LabelTruth

OnEpoch = Callable[[int, float], None]
"""(epoch from 1, mean loss of its images)."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model.

    Args:
        module: in evaluation mode, on the device it was trained on, without gradients.
        epoch_losses: mean loss of the images of each epoch, as they were trained on.
        seconds: wall time.
    """

    module: nn.Module
    epoch_losses: tuple[float, ...]
    seconds: float


def fit(
    recipe: Recipe,
    records: Records,
    *,
    seed: int,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Train a fresh model.

    The same seed gives the same weights bit for bit, on one CPU thread (or the same number of
    them) and the same version of torch; torch's global generators stay as they were. Records are
    held in memory where they need at most 1 GiB, and else loaded batch by batch.

    Args:
        recipe: how.
        records: on what; all of one size, with label maps.
        seed: at least 0.
        device: where.
        on_epoch: called after each epoch.

    Raises:
        InputError: records that cannot be trained on, or the loss became infinite or NaN.
        MissingExtraError: a package that the network needs is not installed.
    """
    return Trainer(recipe, records, seed=seed, device=device).run(on_epoch)


class Trainer:
    """One training, in replaceable steps; see :func:`fit`."""

    def __init__(self, recipe: Recipe, records: Records, *, seed: int, device: str = "cpu") -> None:
        if not isinstance(records.truth, LabelTruth):
            raise InputError(
                f"{records.name}: recipes train on label maps, but the truth of these records "
                "is an image"
            )
        self.recipe = recipe
        self.records = records
        self.truth: LabelTruth = records.truth
        self.seed = seed
        self.device = torch.device(device)

    def run(self, on_epoch: OnEpoch | None = None) -> Trained:
        """Train from the start to the end of the recipe."""
        started = time.perf_counter()
        load = feed(self.records)
        # Order and augmentation draw from a stream of their own, not initialisation's.
        draws = Generator()
        draws.manual_seed(int(np.random.SeedSequence(self.seed).generate_state(1)[0]))
        epoch_losses: list[float] = []
        with seeded(self.seed, self.device):
            module = self.network().to(self.device).train()
            optimizer = self.optimizer(module)
            schedule = self.schedule(optimizer)
            for epoch in range(1, self.recipe.epochs + 1):
                total = 0.0
                for positions in self.batches(draws):
                    images, truths = self.change(*load(positions), draws)
                    images, truths = images.to(self.device), truths.to(self.device)
                    loss = self.step(module, optimizer, images, truths)
                    schedule.step()
                    if not math.isfinite(loss):
                        raise InputError(
                            f"training diverged in epoch {epoch}: the loss became {loss}; "
                            f"use a lower learning rate than lr={self.recipe.lr:g}"
                        )
                    total += loss * len(positions)
                epoch_losses.append(total / len(self.records))
                if on_epoch is not None:
                    on_epoch(epoch, epoch_losses[-1])
            optimizer.zero_grad(set_to_none=True)
        return Trained(module.eval(), tuple(epoch_losses), time.perf_counter() - started)

    def network(self) -> nn.Module:
        """The module to train, freshly initialised."""
        channels, height, width = self.records[0].image.shape
        return untrained(self.recipe, channels, self.truth, (height, width), self.seed)

    def optimizer(self, module: nn.Module) -> Optimizer:
        """What turns gradients into steps."""
        recipe = self.recipe
        parameters, lr, decay = module.parameters(), recipe.lr, recipe.weight_decay
        match recipe.optimizer:
            case "adam":
                return torch.optim.Adam(parameters, lr=lr, weight_decay=decay)
            case "adamw":
                return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay)
            case "nadam":
                return torch.optim.NAdam(parameters, lr=lr, weight_decay=decay)
            case "sgd":
                return torch.optim.SGD(parameters, lr=lr, weight_decay=decay, momentum=0.9)

    def schedule(self, optimizer: Optimizer) -> LambdaLR:
        """The learning rate's share of its start, step by step, towards zero."""
        steps = self.recipe.epochs * len(self.batches(Generator()))
        match self.recipe.schedule:
            case "cosine":
                return LambdaLR(optimizer, lambda t: 0.5 * (1 + math.cos(math.pi * t / steps)))
            case "linear":
                return LambdaLR(optimizer, lambda t: 1 - t / steps)
            case "constant":
                return LambdaLR(optimizer, lambda t: 1.0)

    def batches(self, draws: Generator) -> list[Tensor]:
        """The positions of an epoch's batches, every record once, in random order.

        A single left-over record joins the last batch, since batch normalisation cannot train on
        one image alone.
        """
        size = self.recipe.batch_size
        batches = list(torch.split(torch.randperm(len(self.records), generator=draws), size))
        if size > 1 and len(batches) > 1 and len(batches[-1]) == 1:
            batches[-2:] = [torch.cat(batches[-2:])]
        return batches

    def change(self, images: Tensor, truths: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
        """What is trained on in place of a batch."""
        return augmented(images, truths, self.recipe.augment, draws)

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor) -> Tensor:
        """(b,) losses, one an image."""
        return LOSSES[self.recipe.loss](module(images), truths, self.truth)

    def step(
        self, module: nn.Module, optimizer: Optimizer, images: Tensor, truths: Tensor
    ) -> float:
        """Improve the module on one batch; its mean loss before."""
        optimizer.zero_grad(set_to_none=True)
        try:
            loss = self.losses(module, images, truths).mean()
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise InputError(
                f"network {self.recipe.network.name!r} cannot be trained on batches of "
                f"{len(images)} with images of {images.shape[-2]} x {images.shape[-1]}: its "
                "batch normalisation needs at least 2 records and batch_size >= 2"
            ) from error
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return float(loss.detach())
