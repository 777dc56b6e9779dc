"""DP-SGD: clip what each record can do to a step, and drown it in noise.

Idea: a step's gradient is a sum over records. If each record's share is bounded, and noise of that
size is added, then no one who sees the weights can tell much better than by guessing whether a
record was there::

    B_t  each unit with probability q, on its own                           (Poisson sampling)
    g_u  = mean over the records i of u of  gradient of loss_i
    g    = ( sum over u in B_t of  g_u min(1, C / |g_u|)  +  N(0, sigma^2 C^2 I) ) / (q U)

which is (epsilon, delta)-differentially private for sigma, q and the number of steps, as an
accountant computes. A unit is a subject with all its records, or else a record; two sets are
neighbours where one has a unit more. U, the number of units, is taken as known. An epoch has
ceil(n / b) steps, q = b / n for n records and the recipe's batch size b. A batch may be empty:
then the step is noise.

Losses are per image as everywhere here, and batch normalisation becomes group normalisation: a loss
or a layer that couples the records of a batch would void the guarantee.

What epsilon is worth: it bounds, for every attack, TPR <= e^epsilon FPR + delta. At the source's
8.5 that says next to nothing (e^8.5 = 4915); what defends there is the clipping and the noise as
such. It is about the final weights, not about the losses reported along the way; and noise and
batches are drawn from the run's seed, so it holds against whoever does not know the seed.
Floating-point attacks on the noise are not defended against.

Source:
    Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, arXiv:1607.00133.
    Accountants: Mironov, Talwar, Zhang, arXiv:1908.10530 (rdp); Gopi, Lee, Wutschitz,
    arXiv:2106.02848 (prv). Settings: Chobola, Usynin, Kaissis, arXiv:2212.01082. The work is done
    by Opacus, arXiv:2109.12298.

Differs from the source:
    Chobola et al. clip the gradient of a Dice loss over the batch, which depends on all its
    records. Here the loss is each image's own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError, require
from pixleak.core.truth import Truth
from pixleak.defences.steps.per_record import (
    EXTRA,
    Followed,
    backward,
    check_network,
    check_sum,
    following,
    samples,
)
from pixleak.defences.steps.streams import Draws
from pixleak.records.base import RecordKey
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.feed import Feed
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe

_NOISE = 1
"""Of the streams that a training draws from: 0 is order and augmentation."""


@dataclass(frozen=True, kw_only=True)
class DpSgd(Defence):
    """Differentially private training.

    Args:
        epsilon: to arrive at when the recipe is done; the noise follows from it.
        noise_multiplier: sigma, in place of epsilon; 0 only clips.
        delta: None for one over the number of units, as in the source; smaller is better.
        clip: C, the largest norm of a unit's gradient.
        lr_factor: on the recipe's learning rate.
        accountant: ``"rdp"``, or the tighter and slower ``"prv"``.
        physical_batch: records whose gradients are held in memory at a time, at least; a subject's
            are never torn apart.
    """

    name: ClassVar[str] = "dp-sgd"
    title: ClassVar[str] = "Differentially private training"
    summary: ClassVar[str] = "clip each subject's gradient and add noise: a guarantee, at a price"
    source: ClassVar[str] = "Abadi 2016, arXiv:1607.00133"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    excludes: ClassVar[tuple[str, ...]] = (
        "cut-mix",
        "mix-up",
        "relax-loss",
        "min-max",
        "distillation",
        "adversarial-distillation",
    )

    epsilon: float | None = 8.5
    noise_multiplier: float | None = None
    delta: float | None = None
    clip: float = 2.0
    lr_factor: float = 4.0
    accountant: Literal["rdp", "prv"] = "rdp"
    physical_batch: int = 8

    def __post_init__(self) -> None:
        if self.noise_multiplier is not None:
            if self.epsilon not in (None, 8.5):
                raise InputError("dp-sgd takes epsilon or noise_multiplier, not both")
            # Nothing to arrive at; what it comes to is in the result.
            object.__setattr__(self, "epsilon", None)
            if not 0 <= self.noise_multiplier < math.inf:
                raise InputError(
                    f"dp-sgd needs noise_multiplier of at least 0, got {self.noise_multiplier}"
                )
        elif self.epsilon is None or not 0 < self.epsilon < math.inf:
            raise InputError(f"dp-sgd needs epsilon above 0, got {self.epsilon}")
        if self.delta is not None and not 0 < self.delta < 1:
            raise InputError(f"dp-sgd needs delta between 0 and 1, got {self.delta}")
        for what, value in (("clip", self.clip), ("lr_factor", self.lr_factor)):
            if not 0 < value < math.inf:
                raise InputError(f"dp-sgd needs {what} above 0, got {value}")
        if self.accountant not in ("rdp", "prv"):
            raise InputError(f"dp-sgd has the accountants rdp and prv, got {self.accountant!r}")
        if self.physical_batch < 1:
            raise InputError(
                f"dp-sgd needs physical_batch of at least 1, got {self.physical_batch}"
            )

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if recipe is not None and recipe.adversary is not None:
            raise InputError(
                "dp-sgd cannot defend a generator that is trained against a discriminator: the "
                "discriminator sees the records as well, and tells the generator of them without "
                "noise; leave recipe.adversary out to train with the pixel loss alone"
            )
        require("opacus", **EXTRA)

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        network = recipe.network
        # Instance normalisation is a record's own business already.
        if network.options.get("norm") != "instance":
            network = network.model_copy(update={"group_norm": True})
        return recipe.model_copy(update={"network": network, "lr": recipe.lr * self.lr_factor})

    def trainer(self) -> type[Trainer]:
        return DpSgdTrainer


class Accounting:
    """What has been spent: steps of one rate and one noise.

    Args:
        defence: the accountant and delta.
        units: U.
        rate: q, the probability of a unit to be in a step.
        steps: planned, which the noise is chosen for.

    Raises:
        InputError: no noise is enough.
    """

    def __init__(self, defence: DpSgd, units: int, rate: float, steps: int) -> None:
        self.defence = defence
        self.rate = rate
        self.delta = 1 / units if defence.delta is None else defence.delta
        if self.delta >= 1:
            raise InputError("dp-sgd needs at least two records, or subjects, to train on")
        self.steps = 0
        self.noise_multiplier = defence.noise_multiplier or 0.0
        if defence.epsilon is not None:
            self.noise_multiplier = enough_noise(
                defence.epsilon, self.delta, rate, steps, defence.accountant
            )

    @property
    def epsilon(self) -> float:
        """Of the steps so far; infinite without noise."""
        if self.steps == 0:
            return 0.0
        if self.noise_multiplier == 0:
            return math.inf
        accountants = require("opacus.accountants", **EXTRA)
        accountant = accountants.create_accountant(mechanism=self.defence.accountant)
        accountant.history = [(self.noise_multiplier, self.rate, self.steps)]
        with _Quiet():
            return float(accountant.get_epsilon(delta=self.delta))

    def state_dict(self) -> dict[str, Any]:
        """The steps so far."""
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a state up."""
        self.steps = state["steps"]


@cache
def enough_noise(epsilon: float, delta: float, rate: float, steps: int, accountant: str) -> float:
    """The noise multiplier that arrives at epsilon, or up to 0.01 below it.

    Raises:
        InputError: none is enough.
    """
    utils = require("opacus.accountants.utils", **EXTRA)
    try:
        with _Quiet():
            sigma = utils.get_noise_multiplier(
                target_epsilon=epsilon,
                target_delta=delta,
                sample_rate=rate,
                steps=steps,
                accountant=accountant,
            )
    except ValueError as error:
        raise InputError(
            f"dp-sgd finds no noise that is enough for epsilon={epsilon:g} and delta={delta:g} in "
            f"{steps} steps: give a larger epsilon"
        ) from error
    return float(sigma)


class _Quiet(warnings.catch_warnings):
    """Opacus warns of noise levels that its search merely passes through."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.filterwarnings("ignore", message="Optimal order is the (largest|smallest) alpha")
        warnings.filterwarnings("ignore", message="divide by zero encountered in log")


class DpSgdTrainer(Trainer):
    """Draws units, clips their gradients, adds noise, counts steps."""

    owner: Tensor
    """(n,) which unit each record is of."""
    units: int
    accounting: Accounting
    noise: Generator
    drawn: Tensor
    """(b,) positions of the batch at hand."""
    seen: int
    """Records drawn in the epoch so far."""
    followed: Followed
    compared: bool = False

    def network(self) -> nn.Module:
        module = super().network()
        check_network(module, self.records[0].image)
        self.owner = owners(self.records.keys)
        self.units = int(self.owner.max()) + 1
        steps = self.recipe.epochs * self._steps()
        self.accounting = Accounting(self.defence(DpSgd), self.units, self._rate(), steps)
        self.noise = Generator(self.device)
        self.noise.manual_seed(int(np.random.SeedSequence(self.seed).generate_state(2)[_NOISE]))
        return module

    def _steps(self) -> int:
        return -(-len(self.records) // self.recipe.batch_size)

    def _rate(self) -> float:
        return min(1.0, self.recipe.batch_size / len(self.records))

    def optimizer(self, module: nn.Module) -> Optimizer:
        optimizers = require("opacus.optimizers", **EXTRA)
        optimizer: Optimizer = optimizers.DPOptimizer(
            super().optimizer(module),
            noise_multiplier=self.accounting.noise_multiplier,
            max_grad_norm=self.defence(DpSgd).clip,
            expected_batch_size=self._rate() * self.units,
            generator=self.noise,
        )
        return optimizer

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        return {
            **super().parts(module, optimizer, schedule),
            "noise": Draws(self.noise),
            "accounting": self.accounting,
        }

    def batches(self, draws: Generator) -> list[Tensor]:
        batches = []
        for _ in range(self._steps()):
            shares = torch.rand(self.units, generator=draws, dtype=torch.float64)
            inside = (shares < self._rate())[self.owner].nonzero().squeeze(1)
            batches.append(inside[self.owner[inside].argsort(stable=True)])
        return batches

    def epoch(
        self,
        epoch: Epoch,
        module: nn.Module,
        optimizer: Optimizer,
        schedule: LambdaLR,
        load: Feed,
    ) -> float:
        self.seen = 0

        def noted(positions: Tensor) -> tuple[Tensor, Tensor]:
            self.drawn = positions
            self.seen += len(positions)
            return load(positions)

        with following(module) as self.followed:
            share = super().epoch(epoch, module, optimizer, schedule, noted)
        # Of those that were drawn, which are seldom as many as there are.
        return share * len(self.records) / max(self.seen, 1)

    def step(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        images: Tensor,
        truths: Tensor,
        epoch: Epoch,
    ) -> float:
        owner = self.owner[self.drawn]
        if len(images) != len(owner):
            raise InputError("dp-sgd cannot be combined with a defence that changes whose images")
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        parts = chunks(owner, self.defence(DpSgd).physical_batch)
        for i, rows in enumerate(parts):
            if len(rows):
                losses = self.losses(self.followed, images[rows], truths[rows], epoch)
                backward(losses)
                total += float(losses.detach().sum())
            found = samples(module, len(rows))
            if len(rows) and not self.compared:
                check_sum(module, found)
                self.compared = True
            for name, parameter in module.named_parameters():
                if name in found:
                    pooled = by_unit(found[name], owner[rows])
                    parameter.grad_sample = pooled  # type: ignore[attr-defined]
            optimizer.signal_skip_step(i + 1 < len(parts))  # type: ignore[attr-defined]
            optimizer.step()
            if i + 1 < len(parts):
                optimizer.zero_grad(set_to_none=True)
        self.accounting.steps += 1
        return total / max(len(owner), 1)

    def facts(self) -> dict[str, float | str]:
        accounting = self.accounting
        return {
            **super().facts(),
            "epsilon": accounting.epsilon,
            "delta": accounting.delta,
            "noise multiplier": accounting.noise_multiplier,
            "unit of privacy": "record" if self.units == len(self.records) else "subject",
        }


def owners(keys: Sequence[RecordKey]) -> Tensor:
    """(n,) the number of each record's subject; a record without one is its own.

    Example:
        >>> keys = [RecordKey("a"), RecordKey("b", subject="s"), RecordKey("c", subject="s")]
        >>> owners(keys).tolist()
        [0, 1, 1]
    """
    # Pairs, so that a subject is not taken for a record of the same name.
    names = [(key.subject is None, key.id if key.subject is None else key.subject) for key in keys]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([number[name] for name in names])


def chunks(owner: Tensor, size: int) -> list[Tensor]:
    """Positions of a batch in parts of whole units; one empty part where there are none.

    Args:
        owner: (b,) unit of each record, those of a unit side by side.
        size: records a part, unless one unit has more.

    Example:
        >>> [part.tolist() for part in chunks(torch.tensor([4, 4, 7, 9, 9, 9]), 3)]
        [[0, 1, 2], [3, 4, 5]]
    """
    _, counts = torch.unique_consecutive(owner, return_counts=True)
    parts: list[list[int]] = [[]]
    at = 0
    for count in counts.tolist():
        if parts[-1] and len(parts[-1]) + count > size:
            parts.append([])
        parts[-1] += range(at, at + count)
        at += count
    return [torch.tensor(part, dtype=torch.int64) for part in parts]


def by_unit(sample: Tensor, owner: Tensor) -> Tensor:
    """(u, ...) mean gradient of each unit.

    Args:
        sample: (b, ...) gradients of records.
        owner: (b,) unit of each, those of a unit side by side.
    """
    _, which, counts = torch.unique_consecutive(owner, return_inverse=True, return_counts=True)
    if len(counts) == len(owner):
        return sample
    shape = (len(counts), *[1] * (sample.dim() - 1))
    summed = sample.new_zeros((len(counts), *sample.shape[1:]))
    summed.index_add_(0, which.to(sample.device), sample)
    means: Tensor = summed / counts.to(sample.device).reshape(shape)
    return means
