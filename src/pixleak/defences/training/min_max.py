"""Min-max: train against an adversary that tells members by the answer and the truth.

Idea: the attack is known, so let the model learn to fool it. An adversary h sees the predicted map
p and the one-hot truth, as the Type-II attack does, and learns to tell records that are trained on
from the reserve; the model pays for how well members are told::

    adversary:  max over h of  1/2 mean over members of log h(p_i, y_i)
                             + 1/2 mean over the reserve of log(1 - h(p_j, y_j))
    model:      min over f of  mean over members of  loss_i + lambda log h(p_i, y_i)

Each epoch first gives the adversary one pass over the members, against as many of the reserve, on
the answers as an attacker sees them (evaluation mode); then the model its own. The adversary is
thrown away afterwards.

Source:
    Nasr, Shokri, Houmansadr, "Machine Learning with Membership Privacy using Adversarial
    Regularization", CCS 2018, arXiv:1807.05852. For segmentation, with one adversary epoch an epoch
    and lambda 0.05 (Kvasir) or 0.005 (liver): Chobola, Usynin, Kaissis, arXiv:2212.01082.

Differs from the source:
    Chobola et al. take the evaluation records as the reference set. The model then has learnt to
    treat the very non-members that it is measured on as it treats members, which flatters the
    defence. Here it is the reserve, which is attacked by nobody. Their adversary is a ResNet-34;
    this one is four convolutions, since it must be trained anew along every training.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.steps.streams import Draws, cycled
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.feed import Feed, feed
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.seeded import seeded

_STREAM = 2
"""Of the streams that a training draws from: 0 is order and augmentation, 1 noise."""


@dataclass(frozen=True, kw_only=True)
class MinMax(Defence):
    """Adversarial regularisation.

    Args:
        weight: lambda.
        width: channels of the adversary's first convolution.
        adversary_lr: the adversary's learning rate, of Adam.
    """

    name: ClassVar[str] = "min-max"
    title: ClassVar[str] = "Min-max regularisation"
    summary: ClassVar[str] = "train against an adversary that tells members by prediction and truth"
    source: ClassVar[str] = "Nasr 2018, arXiv:1807.05852"
    side: ClassVar[DefenceSide] = "training"
    needs_reserve: ClassVar[bool] = True
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd", "distillation")

    weight: float = 0.05
    width: int = 16
    adversary_lr: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise InputError(f"min-max needs a weight of at least 0, got {self.weight}")
        if self.width < 4 or self.width % 4:
            raise InputError(f"min-max needs a width of 4, 8, 12, ..., got {self.width}")
        if not 0 < self.adversary_lr < math.inf:
            raise InputError(f"min-max needs adversary_lr above 0, got {self.adversary_lr}")

    def trainer(self) -> type[Trainer]:
        return MinMaxTrainer


class Teller(nn.Module):
    """Is this a member's answer? Four convolutions over both maps, their mean, a number.

    Args:
        classes: K.
        width: channels of the first convolution, a multiple of four.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        widths = [2 * classes, width, 2 * width, 4 * width, 4 * width]
        layers: list[nn.Module] = []
        for inside, outside in itertools.pairwise(widths):
            layers += [
                nn.Conv2d(inside, outside, 3, stride=2, padding=1),
                nn.GroupNorm(4, outside),
                nn.LeakyReLU(0.2),
            ]
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(widths[-1], 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(b, 2 K, h, w) -> (b,) logits of "member"."""
        answer: Tensor = self.last(self.features(maps).mean(dim=(2, 3))).squeeze(1)
        return answer


def seen(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b, 2 K, h, w): probabilities, then the one-hot truth; 0 where the label is ignored.

    Args:
        logits: (b, K, h, w).
        truths: (b, h, w) int64.
        truth: classes and ignored label.
    """
    valid = truths == truths if truth.ignore is None else truths != truth.ignore
    labels = functional.one_hot(truths.where(valid, 0), truth.classes).movedim(-1, 1)
    maps = torch.cat([logits.softmax(dim=1), labels.to(logits.dtype)], dim=1)
    return maps * valid[:, None]


class MinMaxTrainer(Trainer):
    """An epoch of the adversary before each of the model."""

    adversary: Teller
    telling: Optimizer
    order: Generator
    accuracy: float
    """Of the adversary, in its latest epoch."""

    def network(self) -> nn.Module:
        module = super().network()
        assert isinstance(self.truth, LabelTruth)
        chosen = self.defence(MinMax)
        seed = int(np.random.SeedSequence(self.seed).generate_state(_STREAM + 1)[_STREAM])
        # Streams of its own, so that with lambda = 0 the training is what it would have been.
        with seeded(seed):
            self.adversary = Teller(self.truth.classes, chosen.width).to(self.device)
        self.telling = torch.optim.Adam(self.adversary.parameters(), lr=chosen.adversary_lr)
        self.order = Generator().manual_seed(seed)
        return module

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        return {
            **super().parts(module, optimizer, schedule),
            "adversary": self.adversary,
            "telling": self.telling,
            "order": Draws(self.order),
        }

    def epoch(
        self,
        epoch: Epoch,
        module: nn.Module,
        optimizer: Optimizer,
        schedule: LambdaLR,
        load: Feed,
    ) -> float:
        self.accuracy = self.adversary_epoch(module, load)
        return super().epoch(epoch, module, optimizer, schedule, load)

    def facts(self) -> dict[str, float | str]:
        return {**super().facts(), "adversary's accuracy": self.accuracy}

    def adversary_epoch(self, module: nn.Module, load: Feed) -> float:
        """One pass over the members against as many of the reserve; its balanced accuracy."""
        assert self.reserve is not None
        assert isinstance(self.truth, LabelTruth)
        size = self.recipe.batch_size
        members = torch.randperm(len(self.records), generator=self.order)
        others = cycled(len(self.reserve), len(members), self.order)
        load_other = feed(self.reserve)
        modes = [(part, part.training) for part in module.modules()]
        module.eval()
        right = 0.0
        for inside, outside in zip(
            torch.split(members, size), torch.split(others, size), strict=True
        ):
            logits = []
            for loading, positions in ((load, inside), (load_other, outside)):
                images, truths = (part.to(self.device) for part in loading(positions))
                with torch.no_grad():
                    maps = seen(module(images), truths, self.truth)
                logits.append(self.adversary(maps))
            yes, no = logits
            gain = (functional.logsigmoid(yes).mean() + functional.logsigmoid(-no).mean()) / 2
            self.telling.zero_grad(set_to_none=True)
            (-gain).backward()  # type: ignore[no-untyped-call]
            self.telling.step()
            right += float((yes > 0).sum() + (no <= 0).sum())
        for part, training in modes:
            part.training = training
        return right / (2 * len(members))

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        assert isinstance(self.truth, LabelTruth)
        answers: list[Tensor] = []

        def keep(module: nn.Module, given: Any, answer: Tensor) -> None:
            answers.append(answer)

        handle = module.register_forward_hook(keep)
        try:
            losses = super().losses(module, images, truths, epoch)
        finally:
            handle.remove()
        # The adversary is asked, not taught: gradients pass through it to the model.
        self.adversary.requires_grad_(False)
        told = functional.logsigmoid(self.adversary(seen(answers[-1], truths, self.truth)))
        self.adversary.requires_grad_(True)
        return losses + self.defence(MinMax).weight * told
