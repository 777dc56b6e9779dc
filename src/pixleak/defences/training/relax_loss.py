"""RelaxLoss: hold the training loss at a level instead of driving it to zero.

Idea: members are told by their low loss, so it must not become lower than others'. While the mean
loss L of a batch is above a level alpha, training goes on as usual. Where it is below, every other
epoch, beginning with the first, takes a step of gradient **ascent**; the epochs between **flatten
the posterior**: pixels that are right are made less sure, and pixels that are wrong are taught to
spread what they do not give to the true class evenly over all others::

    L >= alpha:              minimise  mean_i loss_i
    L < alpha, odd epoch:    minimise -mean_i loss_i
    L < alpha, even epoch:   minimise  mean_i mean_j ( [argmax p_ij != y_ij] CE(t_ij, p_ij)
                                                      - CE(y_ij, p_ij) )
                             t_ij(y) = p_ij(y),  t_ij(c) = (1 - p_ij(y)) / (K - 1) for c != y

Of two classes t is p, so that flattening is ascent on the cross-entropy alone.

A natural level is the loss that an undefended model has on records that it was not trained on, as
measured on a shadow model. What is reported is the loss, not what is minimised.

Source:
    Chen, Yu, Fritz, "RelaxLoss", ICLR 2022, arXiv:2207.05801, and their public code.

Differs from the source:
    There one label an image, here one a pixel: L is the recipe's loss (with Dice, where that is in
    it), the mean over the batch's images; the posterior is flattened pixel by pixel, over the valid
    ones. The targets t are held constant, and their upper bound, 1 by default, is left out. A
    generator has no posterior, so below the level every epoch ascends, which is "flooding" (Ishida
    et al., ICML 2020, arXiv:2002.08709); against an adversary, whose loss is another one, it is
    refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.defences.steps.answered import Answered
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe

_OF_GREY = {"l1": 0.5, "l2": 0.25}
"""The largest loss that a generator can have which always answers with mid-grey."""


@dataclass(frozen=True, kw_only=True)
class RelaxLoss(Defence):
    """A level that the loss is held at.

    Args:
        alpha: the level, in units of the recipe's loss.
    """

    name: ClassVar[str] = "relax-loss"
    title: ClassVar[str] = "RelaxLoss"
    summary: ClassVar[str] = "undo some of the training wherever the loss falls below a level"
    source: ClassVar[str] = "Chen 2022, arXiv:2207.05801"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    # Its sign hangs on the whole batch; and a mixed loss has no one truth to flatten about.
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd", "mix-up")

    alpha: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.alpha < float("inf"):
            raise InputError(f"relax-loss needs alpha above 0, got {self.alpha}")

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if recipe is None:
            return
        if recipe.adversary is not None:
            raise InputError(
                "defence 'relax-loss' holds the pixel loss at a level, which an adversary's "
                "training does not minimise alone: leave recipe.adversary out"
            )
        if isinstance(truth, ImageTruth) and self.alpha >= _OF_GREY[recipe.loss]:
            raise InputError(
                f"relax-loss with alpha={self.alpha} would teach a generator nothing: answers of "
                f"mid-grey reach {_OF_GREY[recipe.loss]} in {recipe.loss}; give about the loss on "
                "held-out records, 0.05 for example"
            )

    def trainer(self) -> type[Trainer]:
        return RelaxLossTrainer


class Tally:
    """How many batches there were, and how many of them below the level."""

    def __init__(self) -> None:
        self.batches = self.below = 0

    def state_dict(self) -> dict[str, Any]:
        """Both numbers."""
        return {"batches": self.batches, "below": self.below}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take both up."""
        self.batches, self.below = state["batches"], state["below"]


class RelaxLossTrainer(Trainer):
    """Turns the gradient of a batch that is learnt well enough."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.tally = Tally()

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        return {**super().parts(module, optimizer, schedule), "relax-loss": self.tally}

    def facts(self) -> dict[str, float | str]:
        # A level that is never reached has defended nothing, and somebody should notice.
        share = self.tally.below / self.tally.batches
        return {**super().facts(), "share of batches below alpha": share}

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        if not module.training:
            return super().losses(module, images, truths, epoch)
        answers = module(images)
        losses = super().losses(Answered(answers), images, truths, epoch)
        self.tally.batches += 1
        if float(losses.detach().mean()) >= self.defence(RelaxLoss).alpha:
            return losses
        self.tally.below += 1
        relaxed = -losses
        if isinstance(self.truth, LabelTruth) and epoch.number % 2 == 0:
            relaxed = flattening(answers, truths, self.truth)
        # The value of the one, the gradient of the other.
        return losses.detach() + (relaxed - relaxed.detach())


def flattening(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b,) what posterior flattening minimises, mean over each image's valid pixels.

    Args:
        logits: (b, K, h, w).
        truths: (b, h, w) int64.
        truth: classes and ignored label.
    """
    valid = truths == truths if truth.ignore is None else truths != truth.ignore
    labels = truths.where(valid, 0)[:, None]
    logarithms = functional.log_softmax(logits, dim=1)
    own = logarithms.gather(1, labels)[:, 0]
    others = logarithms.sum(dim=1) - own
    kept = own.detach().exp()
    spread = -(kept * own + (1 - kept) / (truth.classes - 1) * others)
    wrong = logits.argmax(dim=1) != labels[:, 0]
    each = (wrong * spread + own) * valid  # own is minus the cross-entropy
    return each.flatten(1).sum(dim=1) / valid.flatten(1).sum(dim=1).clamp(min=1)
