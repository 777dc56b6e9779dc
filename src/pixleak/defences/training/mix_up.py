"""Mix-up: train on weighted sums of two records.

Idea: between two records the answer should change as gradually as the image does, which leaves no
peak at a record for an attacker to find. Each image i of a batch is mixed with another one, j::

    x' = t x_i + (1 - t) x_j                                   t ~ Beta(a, a)
    loss_i = t loss(x', y_i) + (1 - t) loss(x', y_j)           segmenters
    loss_i = loss(x', t y_i + (1 - t) y_j)                     generators

Label maps cannot be mixed, so their losses are. Mixing comes last, after augmentation and the
changes of other defences to a batch, and only during training.

Source:
    Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018,
    arXiv:1710.09412.

Differs from the source:
    Every image has its own share t, and j is never i. For the cross-entropy the mixed loss equals
    the loss of the mixed truths, as in the source; for the Dice loss it does not, and the mixed
    loss is used. It is refused with an adversary, because the discriminator would be shown sums of
    two images as real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth, Truth
from pixleak.defences.steps.mixing import check_batches, partners, shares
from pixleak.defences.steps.precomputed import Precomputed
from pixleak.defences.steps.shared_checks import check_positive
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class MixUp(Defence):
    """Classical mix-up.

    Args:
        alpha: both parameters of the Beta distribution of shares; 1 is uniform, smaller values mix
            less.
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
        check_positive(self.name, alpha=self.alpha)

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        check_batches(self.name, recipe)
        if recipe is not None and recipe.adversary is not None:
            raise InputError(
                "defence 'mix-up' would show the discriminator sums of two images as real ones: "
                f"leave {setting('target.recipe.adversary')} out, or use 'cut-mix'"
            )

    def trainer(self) -> type[Trainer]:
        return MixUpTrainer


class MixUpTrainer(Trainer):
    """Mixes pairs of records of a batch in the loss."""

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
        answered = Precomputed(module(mixed))
        first = super().losses(answered, mixed, truths, epoch)
        second = super().losses(answered, mixed, truths[other], epoch)
        return share * first + (1 - share) * second
