"""One training by a recipe, cut into replaceable steps.

A way of training that differs in one step (other batches, another loss, clipped gradients) is a
subclass of :class:`Trainer` that replaces the method.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, Truth
from pixleak.records.base import Records
from pixleak.training.loop.augment import augmented
from pixleak.training.loop.feed import Feed, feed
from pixleak.training.loop.losses import LOSSES, PIXEL
from pixleak.training.loop.own_steps import made_loss, made_optimizer, own_losses
from pixleak.training.loop.partial import Partial, Stateful
from pixleak.training.loop.samples import answers_now, shown_epochs
from pixleak.training.own.own_code import OwnLoss, OwnOptimizer
from pixleak.training.recipe_settings import RecipeSettings
from pixleak.training.seeded import seeded
from pixleak.training.trained import OnEpoch, Trained
from pixleak.training.untrained import untrained

SAVED_EVERY = 30.0
"""Seconds of training, at least, between two saved states to resume from."""


class TrainingDefence(Protocol):
    """What a training knows about a :class:`~pixleak.training.defence.Defence`."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What determines it, in plain JSON values."""

    def trainer(self) -> type[Trainer] | None:
        """A subclass of Trainer that replaces some of its steps, or None."""


D = TypeVar("D", bound=TrainingDefence)


@dataclass(frozen=True, eq=False)
class Epoch:
    """The epoch that is running.

    Args:
        number: from 1.
        draws: the training's stream of random numbers, for order, augmentation and losses.
    """

    number: int
    draws: Generator


class Trainer:
    """One training by a recipe, in replaceable steps."""

    def __init__(
        self,
        recipe: RecipeSettings,
        records: Records,
        *,
        seed: int,
        device: str = "cpu",
        defences: tuple[TrainingDefence, ...] = (),
        reserve: Records | None = None,
    ) -> None:
        recipe.check_loss(records.truth)
        self.recipe = recipe
        self.records = records
        self.defences = defences
        self.reserve = reserve
        self.truth: Truth = records.truth
        self.seed = seed
        self.device = torch.device(device)
        self._own_loss: Callable[[Tensor, Tensor], Any] | None = None

    def defence(self, kind: type[D]) -> D:
        """The defence of this kind, with its parameters."""
        return next(one for one in self.defences if isinstance(one, kind))

    def run(
        self,
        on_epoch: OnEpoch | None = None,
        *,
        partial: Path | None = None,
        pictures: bool = False,
    ) -> Trained:
        """Train from the start, or from where it was interrupted, to the end of the recipe."""
        started = time.perf_counter()
        self.before(on_epoch, partial)
        load = feed(self.records)
        # Order and augmentation draw from a stream of their own, not initialisation's.
        draws = Generator()
        draws.manual_seed(int(np.random.SeedSequence(self.seed).generate_state(1)[0]))
        epoch_losses: list[float] = []
        answers: dict[int, Tensor] = {}
        begin, before, kept = 1, 0.0, time.perf_counter()
        shown = shown_epochs(self.recipe.epochs) if pictures else ()
        determined_by = {
            "recipe": self.recipe.model_dump(mode="json"),
            "defences": [defence.settings for defence in self.defences],
            "seed": self.seed,
        }
        between = Partial(partial, determined_by)
        with seeded(self.seed, self.device):
            module = self.network().to(self.device).train()
            optimizer = self.optimizer(module)
            schedule = self.schedule(optimizer)
            parts = self.parts(module, optimizer, schedule)
            if (course := between.load(parts)) is not None:
                epoch_losses, answers = list(course["losses"]), dict(course["answers"])
                begin, before = len(epoch_losses) + 1, float(course["seconds"])
                draws.set_state(course["draws"])
            for epoch in range(begin, self.recipe.epochs + 1):
                running = Epoch(epoch, draws)
                epoch_losses.append(self.epoch(running, module, optimizer, schedule, load))
                if epoch in shown:
                    answers[epoch] = answers_now(module, self.records, self.device)
                if on_epoch is not None:
                    on_epoch(epoch, epoch_losses[-1])
                if self.over(epoch, module):
                    break
                now = time.perf_counter()
                if epoch < self.recipe.epochs and now - kept >= SAVED_EVERY:
                    course = {
                        "losses": epoch_losses,
                        "answers": answers,
                        "draws": draws.get_state(),
                        "seconds": before + now - started,
                    }
                    between.save(parts, course)
                    kept = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            module = self.final(module)
        return Trained(
            module.eval(),
            tuple(epoch_losses),
            before + time.perf_counter() - started,
            self.companions(),
            self.facts(),
            answers,
        )

    def before(self, on_epoch: OnEpoch | None, partial: Path | None) -> None:
        """Run whatever must come first; it may change the records to train on.

        Args:
            on_epoch: as for :meth:`run`.
            partial: of this training; a preceding training keeps its state in a file beside it.
        """

    def over(self, epoch: int, module: nn.Module) -> bool:
        """Whether to stop after this epoch; asked after every one."""
        return False

    def final(self, module: nn.Module) -> nn.Module:
        """The module to keep, of the same architecture."""
        return module

    def kept(self, module: nn.Module) -> nn.Module:
        """The module that would be kept if training ended now; not to be changed."""
        return module

    def epoch(
        self,
        epoch: Epoch,
        module: nn.Module,
        optimizer: Optimizer,
        schedule: LambdaLR,
        load: Feed,
    ) -> float:
        """Train on every record once; the mean loss of the images."""
        total = 0.0
        for positions in self.batches(epoch.draws):
            images, truths = self.change(*load(positions), epoch.draws)
            images, truths = images.to(self.device), truths.to(self.device)
            loss = self.step(module, optimizer, images, truths, epoch)
            schedule.step()
            if not math.isfinite(loss):
                raise InputError(
                    f"training diverged in epoch {epoch.number}: the loss became {loss}; "
                    f"use a lower learning rate than lr={self.recipe.lr:g}"
                )
            total += loss * len(positions)
        return total / len(self.records)

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        """Everything whose state is needed to resume after an interruption."""
        return {"module": module, "optimizer": optimizer, "schedule": schedule}

    def companions(self) -> dict[str, nn.Module]:
        """What was trained beside the module."""
        return {}

    def facts(self) -> dict[str, float | str]:
        """What the finished training says about itself, by name."""
        return {}

    def network(self) -> nn.Module:
        """The module to train, freshly initialised."""
        channels, height, width = self.records[0].image.shape
        return untrained(self.recipe, channels, self.truth, (height, width), self.seed)

    def optimizer(self, module: nn.Module) -> Optimizer:
        """The optimizer of the module's weights."""
        return self.optimizer_of(module.parameters())

    def optimizer_of(
        self, parameters: Iterable[nn.Parameter], lr: float | None = None
    ) -> Optimizer:
        """The recipe's optimizer, at another learning rate if one is given."""
        recipe = self.recipe
        lr, decay = recipe.lr if lr is None else lr, recipe.weight_decay
        # Against an adversary momentum is harmful (Radford 2016, and every paper since).
        betas = (0.9, 0.999) if recipe.adversary is None else (0.5, 0.999)
        if isinstance(recipe.optimizer, OwnOptimizer):
            return made_optimizer(recipe.optimizer, parameters, lr, decay)
        match recipe.optimizer:
            case "adam":
                return torch.optim.Adam(parameters, lr=lr, weight_decay=decay, betas=betas)
            case "adamw":
                return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay, betas=betas)
            case "nadam":
                return torch.optim.NAdam(parameters, lr=lr, weight_decay=decay, betas=betas)
            case "sgd":
                return torch.optim.SGD(parameters, lr=lr, weight_decay=decay, momentum=0.9)

    def schedule(self, optimizer: Optimizer) -> LambdaLR:
        """The learning rate in every step, as a share of the first."""
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
        """The batch as it is trained on."""
        return augmented(images, truths, self.recipe.augment, draws)

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        """(b,) one loss per image, to be minimised."""
        return self.recipe_losses(module, images, truths)

    def recipe_losses(self, module: nn.Module, images: Tensor, truths: Tensor) -> Tensor:
        """(b,) the recipe's own loss per image, whatever defences make of it."""
        loss = self.recipe.loss
        if isinstance(loss, OwnLoss):
            if self._own_loss is None:
                self._own_loss = made_loss(loss, self.device)
            return own_losses(self._own_loss, module(images), truths, loss)
        if isinstance(self.truth, ImageTruth):
            return PIXEL[loss](module(images), truths)
        return LOSSES[loss](module(images), truths, self.truth)

    def step(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        images: Tensor,
        truths: Tensor,
        epoch: Epoch,
    ) -> float:
        """Improve the module on one batch; the mean loss before the step."""
        optimizer.zero_grad(set_to_none=True)
        try:
            loss = self.losses(module, images, truths, epoch).mean()
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
