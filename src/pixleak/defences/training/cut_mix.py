"""Vertical cut-mix: train on images whose right part comes from another record.

Idea: no record is ever seen whole, so that none can be memorised as a whole. Each image of a batch
is cut at a column, drawn anew each time, and joined to another image of the batch; truths
likewise::

    x' = [ x_i | x_p(i) ],   y' = [ y_i | y_p(i) ],   cut = floor(t w) in 1..w-1,   t ~ Beta(a, a)

Source:
    Chobola, Usynin, Kaissis, arXiv:2212.01082 (their "mix-up"; a = 2), after Yun et al., "CutMix",
    ICCV 2019, arXiv:1905.04899.

Differs from the source:
    They draw one cut per batch, and partners by a permutation, which on average pairs one image of
    a batch with itself, so it is seen whole. Here every image has its own cut and a partner other
    than itself, and neither part is ever empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from pixleak.core.truth import Truth
from pixleak.defences.steps.mixing import check_batches, partners, shares
from pixleak.defences.steps.shared_checks import check_positive
from pixleak.training.defence import Defence, DefenceSide
from pixleak.training.loop.trainer import Trainer
from pixleak.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class CutMix(Defence):
    """Vertical cut-mix.

    Args:
        beta: both parameters of the Beta distribution of cuts; 2 in the source.
    """

    name: ClassVar[str] = "cut-mix"
    title: ClassVar[str] = "Vertical cut-mix"
    summary: ClassVar[str] = "train on images joined from two records at a random column"
    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    side: ClassVar[DefenceSide] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd",)

    beta: float = 2.0

    def __post_init__(self) -> None:
        check_positive(self.name, beta=self.beta)

    def check(self, recipe: Recipe | None, truth: Truth) -> None:
        check_batches(self.name, recipe)

    def trainer(self) -> type[Trainer]:
        return CutMixTrainer


class CutMixTrainer(Trainer):
    """Joins pairs of records of a batch."""

    def change(self, images: Tensor, truths: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
        images, truths = super().change(images, truths, draws)
        other = partners(len(images), draws)
        width = images.shape[-1]
        cuts = (shares(len(images), self.defence(CutMix).beta, draws) * width).long()
        right = torch.arange(width) >= cuts.clamp(1, max(width - 1, 1))[:, None]
        return _joined(images, other, right), _joined(truths, other, right)


def _joined(values: Tensor, other: Tensor, right: Tensor) -> Tensor:
    """(b, ..., w) with the columns of ``right``, (b, w), from the image at ``other``, (b,)."""
    where = right.view(len(values), *[1] * (values.ndim - 2), -1)
    return torch.where(where, values[other], values)
