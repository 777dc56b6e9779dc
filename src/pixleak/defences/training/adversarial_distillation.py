"""Adversarial knowledge distillation (AKD): answer with a generator that never saw the records.

Idea: a teacher is trained on the private pairs. A student of the same recipe then learns the
teacher's outputs on the inputs of the reserve, against a discriminator that treats those outputs as
real::

    real = (x, teacher(x)),   made = (x, student(x)),   x in the reserve
    student:  adversarial loss + w_pixel |student(x) - teacher(x)| + w_features feature matching

The reserve's own true outputs are not used. An audit attacks the reserve as well.

Source:
    Alvar, Wang, Pei, Zhang, "Membership Privacy Protection for Image Translation Models via
    Adversarial Knowledge Distillation", 2022, arXiv:2203.05212.

Differs from the source:
    Implemented from the idea: objective, weights and networks are those of the recipe (pix2pix if
    it names no adversary), for teacher and student alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pixleak.core.errors import InputError
from pixleak.defences.steps.teaching import TaughtTrainer
from pixleak.records.base import Records
from pixleak.training.adversary import Adversary
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.trainer import Trainer
from pixleak.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class AdversarialDistillation(Defence):
    """Adversarial knowledge distillation.

    Args:
        width: of the discriminator, if the recipe has none.
        layers: of the discriminator, if the recipe has none.
    """

    name: ClassVar[str] = "adversarial-distillation"
    title: ClassVar[str] = "Adversarial distillation"
    summary: ClassVar[str] = "answer with a student generator that was taught on the reserve"
    source: ClassVar[str] = "Alvar 2022, arXiv:2203.05212"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "image"
    needs_reserve: ClassVar[bool] = True
    trains_on_reserve: ClassVar[bool] = True
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd", "early-stopping")

    width: int = 64
    layers: int = 3

    def __post_init__(self) -> None:
        if self.width < 4 or not 1 <= self.layers <= 5:
            raise InputError(
                "adversarial-distillation needs a width of at least 4 and 1 to 5 layers, got "
                f"width={self.width} and layers={self.layers}"
            )

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        if recipe.adversary is not None:
            return recipe
        adversary = Adversary(name="pix2pix", width=self.width, layers=self.layers)
        return recipe.model_copy(update={"adversary": adversary})

    def trainer(self) -> type[Trainer]:
        return AdversarialDistillationTrainer


class AdversarialDistillationTrainer(TaughtTrainer):
    """Trains a student on its teacher's outputs for the reserve."""

    def student_records(self, reserve: Records) -> Records:
        made = self.teacher_outputs(reserve)
        return Records(
            reserve.keys, lambda i: (reserve[i].image, made[i]), reserve.truth, reserve.name
        )
