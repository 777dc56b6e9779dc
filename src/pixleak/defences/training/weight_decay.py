"""Weight decay: train with smaller weights.

Idea: memorising records takes larger weights than learning what they have in common. The recipe's
weight decay is set to d; with step size lr and gradient g the optimizers do::

    adam, nadam, sgd:   g <- g + d w             a penalty of d/2 |w|^2 on the loss
    adamw:              w <- w - lr d w          separately, beside the step

Source:
    Krogh, Hertz, "A Simple Weight Decay Can Improve Generalization", NIPS 1991; as a defence:
    Shokri et al., S&P 2017, arXiv:1610.05820. AdamW: Loshchilov, Hutter, ICLR 2019,
    arXiv:1711.05101.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pixleak.core.errors import InputError, setting
from pixleak.core.truth import Truth
from pixleak.defences.steps.shared_checks import check_positive
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class WeightDecay(Defence):
    """A penalty on large weights, which replaces the recipe's.

    Args:
        decay: d.
        adamw: whether to replace adam by adamw, for which larger values are usual, 0.01 to 1.
    """

    name: ClassVar[str] = "weight-decay"
    title: ClassVar[str] = "Weight decay"
    summary: ClassVar[str] = "train with a penalty on large weights"
    source: ClassVar[str] = "Shokri 2017, arXiv:1610.05820"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"

    decay: float = 1e-3
    adamw: bool = False

    def __post_init__(self) -> None:
        check_positive(self.name, decay=self.decay)

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if recipe is not None and self.adamw and recipe.optimizer not in ("adam", "adamw"):
            raise InputError(
                "weight-decay with adamw replaces the optimizer adam, but the recipe's is "
                f"{recipe.optimizer}: leave adamw out, or set "
                f"{setting('target.recipe.optimizer')} to adam"
            )

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        optimizer = "adamw" if self.adamw else recipe.optimizer
        return recipe.model_copy(update={"weight_decay": self.decay, "optimizer": optimizer})
