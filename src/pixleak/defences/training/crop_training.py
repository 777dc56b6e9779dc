"""Crop training: train on random crops, and answer by tiles.

Idea: the network never sees a whole record, and rarely the same part of it twice. It is trained on
square crops at random positions, for more epochs since each crop shows less::

    x' = x[top : top + s, left : left + s],   y' likewise,   top ~ U{0..h - s}, left ~ U{0..w - s}

The defended model, which is also what is attacked, is the defender's own inference: tiles of the
size used in training, which overlap by a share of it and are shifted inwards at the border, with
the mean of their answers where they overlap. Logits, probabilities or pixel values are averaged; of
labels the most frequent is returned, the lowest in case of ties. A discriminator, if it can be
queried, is given whole images, since it is convolutional.

Source:
    Chobola, Usynin, Kaissis, arXiv:2212.01082: 128 x 128 of 256 x 256, three times the epochs.

Differs from the source:
    They draw one position per batch, never the last row or column, and stitch tiles that do not
    overlap (``overlap: 0``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.targets.altered import AlteredTarget
from pixleak.targets.base import Target
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.trainer import Trainer
from pixleak.training.networks import Network
from pixleak.training.networks.sizes import fitting_size
from pixleak.training.recipe import Recipe
from pixleak.training.seeded import seeded
from pixleak.training.trained import OnEpoch
from pixleak.training.untrained import outputs_of


@dataclass(frozen=True, kw_only=True)
class CropTraining(Defence):
    """Training on crops.

    Args:
        size: of crops and tiles: below 1 a share of the image's shorter side, otherwise pixels.
        epochs_factor: factor on the recipe's epochs.
        overlap: of neighbouring tiles, as a share of their size; from 0 to below 1.
    """

    name: ClassVar[str] = "crop-training"
    title: ClassVar[str] = "Crop training"
    summary: ClassVar[str] = "train on random crops, and answer by tiles of the same size"
    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"

    size: float = 0.5
    epochs_factor: int = 3
    overlap: float = 0.25

    def __post_init__(self) -> None:
        if not (0 < self.size < 1 or (self.size >= 2 and self.size == int(self.size))):
            raise InputError(
                "crop-training needs size as a share between 0 and 1 or in whole pixels, got "
                f"{self.size}"
            )
        if self.size >= 1:
            # So that 128 and 128.0 are the same defence.
            object.__setattr__(self, "size", int(self.size))
        if self.epochs_factor != int(self.epochs_factor) or self.epochs_factor < 1:
            raise InputError(
                f"crop-training needs epochs_factor of 1, 2, ..., got {self.epochs_factor}"
            )
        if not 0 <= self.overlap < 1:
            raise InputError(
                f"crop-training needs an overlap from 0 to below 1, got {self.overlap}"
            )

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        if recipe is not None and self.size >= 1:
            _check_fits(recipe.network.configured(), int(self.size))

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        return recipe.model_copy(update={"epochs": recipe.epochs * self.epochs_factor})

    def trainer(self) -> type[Trainer]:
        return CropTrainer

    def wrap_target(self, target: Target) -> Target:
        return TiledTarget(target, self)

    def pixels(self, size: Sequence[int]) -> int:
        """The side of a crop of an image.

        Args:
            size: (h, w) of the image.

        Raises:
            InputError: the image is smaller than that.
        """
        side = int(self.size) if self.size >= 1 else math.floor(self.size * min(size))
        if not 1 <= side <= min(size):
            raise InputError(
                f"crops of {side} x {side} do not fit into images of {size[0]} x {size[1]}: give "
                "crop-training a smaller size, or use larger images"
            )
        return side


class CropTrainer(Trainer):
    """Crops each image of a batch."""

    side: int

    def before(self, on_epoch: OnEpoch | None, partial: Path | None) -> None:
        channels, height, width = self.records[0].image.shape
        self.side = self.defence(CropTraining).pixels((height, width))
        _check_fits(self.recipe.network.configured(), self.side)
        if self.recipe.adversary is not None:
            from pixleak.training.discriminators import Discriminator

            # Built only to raise an error if crops are too small for it.
            with seeded(self.seed):
                Discriminator(
                    self.recipe.adversary, channels, outputs_of(self.truth), (self.side, self.side)
                )
        super().before(on_epoch, partial)

    def change(self, images: Tensor, truths: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
        images, truths = super().change(images, truths, draws)
        b, _, h, w = images.shape
        tops = torch.randint(h - self.side + 1, (b,), generator=draws)
        lefts = torch.randint(w - self.side + 1, (b,), generator=draws)
        return self._cropped(images, tops, lefts), self._cropped(truths, tops, lefts)

    def _cropped(self, values: Tensor, tops: Tensor, lefts: Tensor) -> Tensor:
        """(b, ..., s, s) of (b, ..., h, w)."""
        places = zip(values, tops.tolist(), lefts.tolist(), strict=True)
        return torch.stack(
            [one[..., top : top + self.side, left : left + self.side] for one, top, left in places]
        )


class TiledTarget(AlteredTarget):
    """Another target's answers on tiles, combined.

    Args:
        inner: the target, which is queried with tiles only.
        tiling: their size and overlap.
    """

    def __init__(self, inner: Target, tiling: CropTraining) -> None:
        super().__init__(inner, inner.access)
        self.tiling = tiling

    def _query(self, images: Tensor) -> Tensor:
        from monai.inferers.utils import sliding_window_inference

        side = self.tiling.pixels(images.shape[-2:])
        answer = sliding_window_inference(
            images.float(),
            roi_size=(side, side),
            sw_batch_size=len(images),
            predictor=self._soft,
            overlap=self.tiling.overlap,
            mode="constant",
        )
        assert isinstance(answer, Tensor)
        return answer.argmax(dim=1) if self.access is Access.LABEL else answer

    def _soft(self, tiles: Tensor) -> Tensor:
        """(b, K, s, s) values that can be averaged; for labels one vote per tile."""
        values = self.inner.predict(tiles).values
        if self.access is not Access.LABEL:
            return values
        assert isinstance(self.truth, LabelTruth)
        return functional.one_hot(values, self.truth.classes).movedim(-1, 1).float()


def _check_fits(network: Network, side: int) -> None:
    """Refuse crops that the network would have to pad.

    Raises:
        InputError: naming the nearest size that it accepts.
    """
    fitting, _ = fitting_size((side, side), network.stride, network.least)
    if fitting != side:
        raise InputError(
            f"crop-training with crops of {side} x {side} does not go with network "
            f"{network.name!r}, which takes multiples of {network.stride}, at least "
            f"{network.stride * network.least}: give size: {fitting}, in pixels"
        )
