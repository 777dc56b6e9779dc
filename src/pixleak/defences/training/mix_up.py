"""Mix-up: train on weighted sums of two records.

Idea: between two records the answer should change as gradually as the image does, which leaves no
peak at a record for an attacker to find. Each image i of a batch is mixed with another one, j::

    x' = t x_i + (1 - t) x_j                                   t ~ Beta(a, a)
    loss_i = t loss(x', y_i) + (1 - t) loss(x', y_j)           segmenters
    loss_i = loss(x', t y_i + (1 - t) y_j)                     generators

Losses of label maps are mixed rather than label maps, which cannot be. Mixing comes last, after
augmentation and whatever other defences do to a batch, and only while training.

Source:
    Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
    arXiv:1710.09412.

Differs from the source:
    Every image has a share t of its own, and j is never i. For the cross-entropy the mixed loss is
    the loss of the mixed truths, as there; for the Dice loss it is not, and the mixed loss is used.
    Against an adversary it is refused: the discriminator would be shown sums of two images as real
    ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, Truth
from pixleak.defences.steps.answered import Answered
from pixleak.defences.steps.mixing import check_batches, partners, shares
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class MixUp(Defence):
    """Classical mix-up.

    Args:
        alpha: both parameters of the Beta distribution that shares are drawn from; 1 is uniform,
            less mixes less.
    """

    name: ClassVar[str] = "mix-up"
    title: ClassVar[str] = "Mix-up"
    summary: ClassVar[str] = "train on weighted sums of two records"
    source: ClassVar[str] = "Zhang 2018, arXiv:1710.09412"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd",)

    alpha: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < float("inf"):
            raise InputError(f"mix-up needs alpha above 0, got {self.alpha}")

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        check_batches(self.name, recipe)
        if recipe is not None and recipe.adversary is not None:
            raise InputError(
                "defence 'mix-up' would show the discriminator sums of two images as real ones: "
                "leave recipe.adversary out, or use 'cut-mix'"
            )

    def trainer(self) -> type[Trainer]:
        return MixUpTrainer


class MixUpTrainer(Trainer):
    """Mixes pairs of a batch in the loss."""

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        if not module.training:
            return super().losses(module, images, truths, epoch)
        other = partners(len(images), epoch.draws)
        share = shares(len(images), self.defence(MixUp).alpha, epoch.draws).to(images.device)
        weight = share.view(-1, 1, 1, 1)
        mixed = weight * images + (1 - weight) * images[other]
        if isinstance(self.truth, ImageTruth):
            blend = weight * truths + (1 - weight) * truths[other]
            return super().losses(module, mixed, blend, epoch)
        answered = Answered(module(mixed))
        first = super().losses(answered, mixed, truths, epoch)
        second = super().losses(answered, mixed, truths[other], epoch)
        return share * first + (1 - share) * second
