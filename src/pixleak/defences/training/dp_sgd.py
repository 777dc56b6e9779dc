"""DP-SGD: clip the contribution of each record to a step, and add noise.

Idea: a step's gradient is a sum over records. If the contribution of each record is bounded and
noise of that size is added, an attacker who sees the weights can hardly do better than guess
whether a record was used::

    B_t  each unit with probability q, independently                        (Poisson sampling)
    g_u  = mean over the records i of u of  gradient of loss_i
    g    = ( sum over u in B_t of  g_u min(1, C / |g_u|)  +  N(0, sigma^2 C^2 I) ) / (q U)

which is (epsilon, delta)-differentially private for sigma, q and the number of steps, as computed
by an accountant. A unit is a subject with all its records, or otherwise a record; two sets are
neighbours if one has a unit more. U, the number of units, is considered public. An epoch has
ceil(U / b) steps, q = b / U for the recipe's batch size b, which counts units: neither q nor the
number of steps reveals how many records a unit has. A batch may be empty; then the step consists
of noise only.

Losses are per image, and batch normalisation is replaced by group normalisation: a loss or a layer
that couples the records of a batch would void the guarantee.

Meaning of epsilon: it bounds, for every attack, TPR <= e^epsilon FPR + delta. At the source's 8.5
this bound is practically void (e^8.5 = 4915); there the protection comes from clipping and noise as
such. The bound holds for the final weights, not for the losses reported during training. Noise and
batches are drawn from the run's seed, so it holds against attackers who do not know the seed.
Floating-point attacks on the noise are not covered.

Source:
    Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, arXiv:1607.00133.
    Accountants: Mironov, Talwar, Zhang, arXiv:1908.10530 (rdp); Gopi, Lee, Wutschitz,
    arXiv:2106.02848 (prv). Settings: Chobola, Usynin, Kaissis, arXiv:2212.01082. Implemented with
    Opacus, arXiv:2109.12298.

Differs from the source:
    Chobola et al. clip the gradient of a Dice loss over the batch, which depends on all its
    records. Here each image has its own loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError, require, setting
from pixleak.core.truth import Truth
from pixleak.defences.steps.accounting import Accountant, PrivacyAccount
from pixleak.defences.steps.per_record import (
    EXTRA,
    OutOfPlaceModule,
    backward,
    check_per_record_network,
    check_sum,
    collected_gradients,
    per_record_gradients,
)
from pixleak.defences.steps.shared_checks import check_positive
from pixleak.defences.steps.streams import GeneratorState, stream_seed
from pixleak.defences.steps.units import mean_by_unit, unit_of_each, whole_unit_chunks
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.feed import Feed
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class DpSgd(Defence):
    """Differentially private training.

    Args:
        epsilon: to reach at the end of the recipe; it determines the noise.
        noise_multiplier: sigma, instead of epsilon; 0 only clips.
        delta: None for U ** -1.1, which is below one over the number of units; smaller is better.
        clip: C, the largest norm of a unit's gradient.
        lr_factor: factor on the recipe's learning rate.
        accountant: ``"rdp"``, or ``"prv"``, which is tighter and slower.
        physical_batch: number of records whose gradients are held in memory at a time; more if a
            single subject has more.
    """

    name: ClassVar[str] = "dp-sgd"
    title: ClassVar[str] = "Differentially private training"
    summary: ClassVar[str] = "clip each subject's gradient and add noise, for a formal guarantee"
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
    accountant: Accountant = "rdp"
    physical_batch: int = 8

    def __post_init__(self) -> None:
        if self.noise_multiplier is not None:
            if self.epsilon not in (None, 8.5):
                raise InputError("dp-sgd takes epsilon or noise_multiplier, not both")
            # There is no epsilon to reach; the resulting one is reported.
            object.__setattr__(self, "epsilon", None)
            if not 0 <= self.noise_multiplier < math.inf:
                raise InputError(
                    f"dp-sgd needs noise_multiplier of at least 0, got {self.noise_multiplier}"
                )
        elif self.epsilon is None or not 0 < self.epsilon < math.inf:
            raise InputError(f"dp-sgd needs epsilon above 0, got {self.epsilon}")
        if self.delta is not None and not 0 < self.delta < 1:
            raise InputError(f"dp-sgd needs delta between 0 and 1, got {self.delta}")
        check_positive(self.name, clip=self.clip, lr_factor=self.lr_factor)
        if self.accountant not in ("rdp", "prv"):
            raise InputError(f"dp-sgd needs accountant 'rdp' or 'prv', got {self.accountant!r}")
        if self.physical_batch < 1:
            raise InputError(
                f"dp-sgd needs physical_batch of at least 1, got {self.physical_batch}"
            )

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if recipe is not None and recipe.adversary is not None:
            raise InputError(
                "dp-sgd cannot defend a generator that is trained against a discriminator: the "
                "discriminator sees the records as well, and passes information about them to the "
                f"generator without noise; leave {setting('target.recipe.adversary')} out to train "
                "with the pixel loss alone"
            )
        require("opacus", **EXTRA)

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        network = recipe.network
        # Instance normalisation does not couple records.
        if network.options.get("norm") != "instance":
            network = network.model_copy(update={"group_norm": True})
        return recipe.model_copy(update={"network": network, "lr": recipe.lr * self.lr_factor})

    def trainer(self) -> type[Trainer]:
        return DpSgdTrainer

    def account(self, units: int, rate: float, steps: int) -> PrivacyAccount:
        """The privacy account of a training that has not begun.

        Args:
            units: U.
            rate: q.
            steps: number of planned steps.

        Raises:
            InputError: there are fewer than two units, or no noise suffices.
        """
        return PrivacyAccount(
            units,
            rate,
            steps,
            epsilon=self.epsilon,
            noise_multiplier=self.noise_multiplier,
            delta=self.delta,
            accountant=self.accountant,
        )


class DpSgdTrainer(Trainer):
    """Draws units, clips their gradients, adds noise, and counts steps."""

    unit_of: Tensor
    """(n,) the unit of each record."""
    units: int
    account: PrivacyAccount
    noise: Generator
    drawn: Tensor
    """(b,) positions of the current batch."""
    seen: int
    """Number of records drawn in the current epoch."""
    out_of_place: OutOfPlaceModule
    compared: bool = False

    def network(self) -> nn.Module:
        module = super().network()
        check_per_record_network(module, self.records[0].image)
        self.unit_of = unit_of_each(self.records.keys)
        self.units = int(self.unit_of.max()) + 1
        steps = self.recipe.epochs * self._steps()
        self.account = self.defence(DpSgd).account(self.units, self._rate(), steps)
        self.noise = Generator(self.device)
        self.noise.manual_seed(stream_seed(self.seed, "noise"))
        return module

    def _steps(self) -> int:
        return -(-self.units // self.recipe.batch_size)

    def _rate(self) -> float:
        return min(1.0, self.recipe.batch_size / self.units)

    def optimizer(self, module: nn.Module) -> Optimizer:
        optimizers = require("opacus.optimizers", **EXTRA)
        optimizer: Optimizer = optimizers.DPOptimizer(
            super().optimizer(module),
            noise_multiplier=self.account.noise_multiplier,
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
            "noise": GeneratorState(self.noise),
            "account": self.account,
        }

    def batches(self, draws: Generator) -> list[Tensor]:
        batches = []
        for _ in range(self._steps()):
            shares = torch.rand(self.units, generator=draws, dtype=torch.float64)
            inside = (shares < self._rate())[self.unit_of].nonzero().squeeze(1)
            batches.append(inside[self.unit_of[inside].argsort(stable=True)])
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

        with per_record_gradients(module) as self.out_of_place:
            share = super().epoch(epoch, module, optimizer, schedule, noted)
        # The mean over the drawn records, whose number varies.
        return share * len(self.records) / max(self.seen, 1)

    def step(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        images: Tensor,
        truths: Tensor,
        epoch: Epoch,
    ) -> float:
        units = self.unit_of[self.drawn]
        if len(images) != len(units):
            raise InputError(
                "dp-sgd cannot be combined with a defence that changes which record an image is of"
            )
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        parts = whole_unit_chunks(units, self.defence(DpSgd).physical_batch)
        for i, rows in enumerate(parts):
            if len(rows):
                losses = self.losses(self.out_of_place, images[rows], truths[rows], epoch)
                backward(losses)
                total += float(losses.detach().sum())
            found = collected_gradients(module, len(rows))
            if len(rows) and not self.compared:
                check_sum(module, found)
                self.compared = True
            for name, parameter in module.named_parameters():
                if name in found:
                    means = mean_by_unit(found[name], units[rows])
                    parameter.grad_sample = means  # type: ignore[attr-defined]
            optimizer.signal_skip_step(i + 1 < len(parts))  # type: ignore[attr-defined]
            optimizer.step()
            if i + 1 < len(parts):
                optimizer.zero_grad(set_to_none=True)
        self.account.steps += 1
        return total / max(len(units), 1)

    def facts(self) -> dict[str, float | str]:
        account = self.account
        return {
            **super().facts(),
            "epsilon": account.epsilon,
            "delta": account.delta,
            "noise multiplier": account.noise_multiplier,
            "unit of privacy": "record" if self.units == len(self.records) else "subject",
        }
