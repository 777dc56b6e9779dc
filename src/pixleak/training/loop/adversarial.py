"""Training a generator against a discriminator.

Each batch first improves the discriminator on real and made outputs, then the generator on::

    adversarial + w_pixel * pixel loss + w_features * feature matching

with the objective and the weights of the recipe's adversary. The reported loss of an epoch is the
pixel loss, the only one that is comparable between recipes.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from pixleak.core.errors import InputError
from pixleak.training.discriminators import (
    Discriminator,
    against_judge,
    against_real_and_made,
    feature_distance,
)
from pixleak.training.loop.losses import PIXEL
from pixleak.training.loop.partial import Stateful
from pixleak.training.loop.trainer import Epoch, Trainer
from pixleak.training.untrained import outputs_of


class AdversarialTrainer(Trainer):
    """Trains a generator and its discriminator."""

    discriminator: Discriminator
    judging: Optimizer

    def network(self) -> nn.Module:
        module = super().network()
        adversary = self.recipe.adversary
        assert adversary is not None
        channels, height, width = self.records[0].image.shape
        # Drawn after the generator, from the same stream.
        self.discriminator = Discriminator(
            adversary, channels, outputs_of(self.truth), (height, width)
        )
        self.discriminator.to(self.device).train()
        self.judging = self.optimizer_of(self.discriminator.parameters(), adversary.lr)
        self.judging_schedule: LambdaLR = self.schedule(self.judging)
        return module

    def parts(
        self, module: nn.Module, optimizer: Optimizer, schedule: LambdaLR
    ) -> dict[str, Stateful]:
        return {
            **super().parts(module, optimizer, schedule),
            "discriminator": self.discriminator,
            "judging": self.judging,
            "judging_schedule": self.judging_schedule,
        }

    def companions(self) -> dict[str, nn.Module]:
        return {"discriminator": self.discriminator.eval()}

    def step(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        images: Tensor,
        truths: Tensor,
        epoch: Epoch,
    ) -> float:
        adversary = self.recipe.adversary
        assert adversary is not None
        made = module(images)
        self.judging.zero_grad(set_to_none=True)
        real = self.discriminator(images, truths)
        judged = against_real_and_made(
            adversary.objective, real, self.discriminator(images, made.detach())
        )
        judged.backward()  # type: ignore[no-untyped-call]
        self.judging.step()
        self.judging_schedule.step()

        optimizer.zero_grad(set_to_none=True)
        self.discriminator.requires_grad_(False)
        answers = self.discriminator(images, made)
        loss = against_judge(adversary.objective, answers)
        pixel = PIXEL[str(self.recipe.loss)](made, truths).mean()
        if adversary.reconstruction:
            loss = loss + adversary.reconstruction * pixel
        if adversary.feature_matching:
            loss = loss + adversary.feature_matching * feature_distance(
                self.discriminator(images, truths), answers
            )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self.discriminator.requires_grad_(True)
        if not bool(loss.isfinite()):
            raise InputError(
                f"training diverged: the generator's loss became {float(loss)}; use a lower "
                f"learning rate than lr={self.recipe.lr:g}"
            )
        return float(pixel.detach())
