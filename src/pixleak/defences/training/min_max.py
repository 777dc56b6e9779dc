"""Min-max: train against an adversary that recognises members by answer and truth.

Idea: since the attack is known, the model can learn to defeat it. An adversary h sees the predicted
map p and the one-hot truth, like the Type-II attack (which trains a classifier on both), and learns
to distinguish training records from the reserve; the model is penalised for recognised members::

    adversary:  max over h of  1/2 mean over members of log h(p_i, y_i)
                             + 1/2 mean over the reserve of log(1 - h(p_j, y_j))
    model:      min over f of  mean over members of  loss_i + lambda log h(p_i, y_i)

Each epoch first trains the adversary for one pass over the members, against as many records of the
reserve, on answers in evaluation mode as an attacker sees them; then the model for one pass. The
adversary is discarded afterwards.

Source:
    Nasr, Shokri, Houmansadr, "Machine Learning with Membership Privacy using Adversarial
    Regularization", CCS 2018, arXiv:1807.05852. For segmentation, with one adversary epoch per
    epoch and lambda 0.05 (Kvasir) or 0.005 (liver): Chobola, Usynin, Kaissis, arXiv:2212.01082.

Differs from the source:
    Chobola et al. use the evaluation records as the reference set. The model then learns to treat
    the same non-members that it is evaluated on like members, which overstates the defence. Here
    the reference set is the reserve, which is not evaluated. Their adversary is a ResNet-34; here
    it has four convolutions, since it is trained anew in every training.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.steps.shared_checks import check_positive, required_reserve
from pixleak.defences.steps.streams import GeneratorState, cycled, stream_seed
from pixleak.targets.module import evaluating
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.feed import Feed, feed
from pixleak.training.loop.losses import valid_pixels
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.seeded import seeded


@dataclass(frozen=True, kw_only=True)
class MinMax(Defence):
    """Adversarial regularisation.

    Args:
        weight: lambda.
        width: channels of the adversary's first convolution.
        adversary_lr: learning rate of the adversary's Adam optimizer.
    """

    name: ClassVar[str] = "min-max"
    title: ClassVar[str] = "Min-max regularisation"
    summary: ClassVar[str] = "train against an adversary that recognises members"
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
        check_positive(self.name, adversary_lr=self.adversary_lr)

    def trainer(self) -> type[Trainer]:
        return MinMaxTrainer


class MembershipAdversary(nn.Module):
    """Predicts membership by four convolutions over both maps and the mean of their features.

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


def adversary_input(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b, 2 K, h, w): probabilities and the one-hot truth; 0 where the label is ignored.

    Args:
        logits: (b, K, h, w).
        truths: (b, h, w) int64.
        truth: classes and ignored label.
    """
    valid = valid_pixels(truths, truth)
    labels = functional.one_hot(truths.where(valid, 0), truth.classes).movedim(-1, 1)
    maps = torch.cat([logits.softmax(dim=1), labels.to(logits.dtype)], dim=1)
    return maps * valid[:, None]


class MinMaxTrainer(Trainer):
    """Trains the adversary for one epoch before each epoch of the model."""

    adversary: MembershipAdversary
    adversary_optimizer: Optimizer
    order: Generator
    accuracy: float
    """The adversary's balanced accuracy in the latest epoch."""

    def network(self) -> nn.Module:
        module = super().network()
        assert isinstance(self.truth, LabelTruth)
        defence = self.defence(MinMax)
        # A separate stream, so that with lambda = 0 the training is the undefended one.
        seed = stream_seed(self.seed, "adversary")
        with seeded(seed):
            self.adversary = MembershipAdversary(self.truth.classes, defence.width).to(self.device)
        self.adversary_optimizer = torch.optim.Adam(
            self.adversary.parameters(), lr=defence.adversary_lr
        )
        self.order = Generator().manual_seed(seed)
        return module

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        return {
            **super().parts(module, optimizer, schedule),
            "adversary": self.adversary,
            "adversary optimizer": self.adversary_optimizer,
            "order": GeneratorState(self.order),
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
        """One pass over the members and as many reserve records; the balanced accuracy."""
        reserve = required_reserve("min-max", self.reserve)
        assert isinstance(self.truth, LabelTruth)
        size = self.recipe.batch_size
        members = torch.randperm(len(self.records), generator=self.order)
        others = cycled(len(reserve), len(members), self.order)
        load_other = feed(reserve)
        correct = 0.0
        for inside, outside in zip(
            torch.split(members, size), torch.split(others, size), strict=True
        ):
            logits = []
            for loading, positions in ((load, inside), (load_other, outside)):
                images, truths = (part.to(self.device) for part in loading(positions))
                with evaluating(module), torch.no_grad():
                    maps = adversary_input(module(images), truths, self.truth)
                logits.append(self.adversary(maps))
            ours, theirs = logits
            gain = (functional.logsigmoid(ours).mean() + functional.logsigmoid(-theirs).mean()) / 2
            self.adversary_optimizer.zero_grad(set_to_none=True)
            (-gain).backward()  # type: ignore[no-untyped-call]
            self.adversary_optimizer.step()
            correct += float((ours > 0).sum() + (theirs <= 0).sum())
        return correct / (2 * len(members))

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
        # Gradients pass through the adversary to the model, but do not train it.
        self.adversary.requires_grad_(False)
        maps = adversary_input(answers[-1], truths, self.truth)
        penalty = functional.logsigmoid(self.adversary(maps))
        self.adversary.requires_grad_(True)
        return losses + self.defence(MinMax).weight * penalty
