"""Vertical cut-mix: train on images whose right part comes from another record.

Idea: no record is ever seen whole, so that none can be learnt by heart as a whole. Each image of a
batch is cut at a column, drawn anew each time, and joined to another image of the batch, truths
alike::

    x' = [ x_i | x_p(i) ],   y' = [ y_i | y_p(i) ],   cut = round(t w),   t ~ Beta(a, a)

Source:
    Chobola, Usynin, Kaissis, arXiv:2212.01082 (their "mix-up"), after Yun et al., "CutMix", ICCV
    2019, arXiv:1905.04899.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Generator, Tensor

from pixleak.errors import InputError
from pixleak.training.defence import Defence, Side
from pixleak.training.fit import Trainer


@dataclass(frozen=True, kw_only=True)
class CutMix(Defence):
    """Vertical cut-mix.

    Args:
        beta: both parameters of the Beta distribution that a cut is drawn from; 2 in the source.
    """

    name: ClassVar[str] = "cut-mix"
    title: ClassVar[str] = "Vertical cut-mix"
    summary: ClassVar[str] = "train on images joined from two records at a random column"
    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    side: ClassVar[Side] = "training"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"
    excludes: ClassVar[tuple[str, ...]] = ("dp-sgd",)

    beta: float = 2.0

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise InputError(f"cut-mix needs beta above 0, got {self.beta}")

    def trainer(self) -> type[Trainer]:
        return CutMixTrainer


class CutMixTrainer(Trainer):
    """Joins pairs of a batch."""

    def change(self, images: Tensor, truths: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
        images, truths = super().change(images, truths, draws)
        beta = self.defence(CutMix).beta
        order = torch.randperm(len(images), generator=draws)
        # Two gamma draws make a Beta draw; torch's own distributions take no generator.
        seed = int(torch.randint(2**31, (1,), generator=draws))
        shares = np.random.default_rng(seed).beta(beta, beta, size=len(images))
        width = images.shape[-1]
        images, truths = images.clone(), truths.clone()
        first, second = images.clone(), truths.clone()
        for i, share in enumerate(shares):
            cut = round(float(share) * width)
            images[i, ..., cut:] = first[order[i], ..., cut:]
            truths[i, ..., cut:] = second[order[i], ..., cut:]
        return images, truths
