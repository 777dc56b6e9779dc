"""RelaxLoss: hold the training loss at a level instead of driving it to zero.

Idea: members are recognised by their low loss, so it must not fall below that of other records.
While the mean loss L of a batch is above a level alpha, training is unchanged. Where it is below,
every other epoch, beginning with the first, takes a step of gradient **ascent**; the epochs between
**flatten the posterior**: correct pixels are made less confident, and incorrect pixels are trained
to spread the probability outside the true class evenly over all other classes::

    L >= alpha:              minimise  mean_i loss_i
    L < alpha, odd epoch:    minimise -mean_i loss_i
    L < alpha, even epoch:   minimise  mean_i mean_j ( [argmax p_ij != y_ij] CE(t_ij, p_ij)
                                                      - CE(y_ij, p_ij) )
                             t_ij(y) = p_ij(y),  t_ij(c) = (1 - p_ij(y)) / (K - 1) for c != y

With two classes t is p, so flattening is ascent on the cross-entropy alone.

A natural level is the loss of an undefended model on records that it was not trained on, measured
on a shadow model. The reported loss is L, not the minimised objective.

Source:
    Chen, Yu, Fritz, "RelaxLoss", ICLR 2022, arXiv:2207.05801, and their public code.

Differs from the source:
    There one label per image, here one per pixel: L is the recipe's loss (including Dice, if it is
    part of it), the mean over the batch's images; the posterior is flattened pixel by pixel, over
    the valid ones. The targets t are held constant, and their upper bound, 1 by default, is
    omitted. A generator has no posterior, so every epoch ascends below the level, which is
    "flooding" (Ishida et al., ICML 2020, arXiv:2002.08709). With an adversary, whose loss is a
    different one, it is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.defences.steps.precomputed import Precomputed
from pixleak.defences.steps.saved_state import AttributeState
from pixleak.defences.steps.shared_checks import check_positive
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.losses import valid_pixels
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe

_MID_GREY = {"l1": 0.5, "l2": 0.25}
"""The largest possible loss of a generator that always returns mid-grey."""


@dataclass(frozen=True, kw_only=True)
class RelaxLoss(Defence):
    """A level at which the loss is held.

    Args:
        alpha: the level, in units of the recipe's loss.
    """

    name: ClassVar[str] = "relax-loss"
    title: ClassVar[str] = "RelaxLoss"
    summary: ClassVar[str] = "reverse training steps where the loss falls below a level"
    source: ClassVar[str] = "Chen 2022, arXiv:2207.05801"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    # Its sign depends on the whole batch, and a mixed loss has no single truth for flattening.
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd", "mix-up")

    alpha: float = 0.3

    def __post_init__(self) -> None:
        check_positive(self.name, alpha=self.alpha)

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if recipe is None:
            return
        if recipe.adversary is not None:
            raise InputError(
                "defence 'relax-loss' holds the pixel loss at a level, but training against an "
                "adversary minimises other losses as well: leave "
                f"{setting('target.recipe.adversary')} out"
            )
        grey = _MID_GREY.get(str(recipe.loss), math.inf)  # of a user's own loss nothing is known
        if isinstance(truth, ImageTruth) and self.alpha >= grey:
            raise InputError(
                f"relax-loss with alpha={self.alpha} would not train a generator: constant "
                f"mid-grey already reaches {grey} in {recipe.loss}; give about the loss on "
                "held-out records, such as 0.05"
            )

    def trainer(self) -> type[Trainer]:
        return RelaxLossTrainer


class BatchCounts(AttributeState):
    """The number of batches, and of those below the level."""

    saved: ClassVar[tuple[str, ...]] = ("batches", "below")

    def __init__(self) -> None:
        self.batches = self.below = 0


class RelaxLossTrainer(Trainer):
    """Reverses the gradient of batches whose loss is below the level."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.counts = BatchCounts()

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        return {**super().parts(module, optimizer, schedule), "relax-loss": self.counts}

    def facts(self) -> dict[str, float | str]:
        # Shows if the level was never reached, so that the defence had no effect.
        share = self.counts.below / self.counts.batches
        return {**super().facts(), "share of batches below alpha": share}

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        if not module.training:
            return super().losses(module, images, truths, epoch)
        answers = module(images)
        losses = super().losses(Precomputed(answers), images, truths, epoch)
        self.counts.batches += 1
        if float(losses.detach().mean()) >= self.defence(RelaxLoss).alpha:
            return losses
        self.counts.below += 1
        relaxed = -losses
        if isinstance(self.truth, LabelTruth) and epoch.number % 2 == 0:
            relaxed = flattening(answers, truths, self.truth)
        # The value of the loss, with the gradient of the relaxed objective.
        return losses.detach() + (relaxed - relaxed.detach())


def flattening(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b,) objective of posterior flattening, mean over each image's valid pixels.

    Args:
        logits: (b, K, h, w).
        truths: (b, h, w) int64.
        truth: classes and ignored label.
    """
    valid = valid_pixels(truths, truth)
    labels = truths.where(valid, 0)[:, None]
    logarithms = functional.log_softmax(logits, dim=1)
    own = logarithms.gather(1, labels)[:, 0]
    others = logarithms.sum(dim=1) - own
    kept = own.detach().exp()
    spread = -(kept * own + (1 - kept) / (truth.classes - 1) * others)
    wrong = logits.argmax(dim=1) != labels[:, 0]
    each = (wrong * spread + own) * valid  # own is minus the cross-entropy
    return each.flatten(1).sum(dim=1) / valid.flatten(1).sum(dim=1).clamp(min=1)
