"""Robustness of the labels to noise on the image.

Idea: as noise on the image grows, a model keeps its answer longer on a record it was trained on,
since such a record lies farther from the decision boundary. With R standard normal noise images
e_r, drawn once per record, and the standard deviation d of the record's own pixels::

    D(l)                 = mean_r  Dice(Y, labels(x + l d e_r))     over foreground classes of Y
    noise-dice           = mean over l = 0 and the levels of D(l)
    noise-breaking-level = the l at which D(l) has fallen to 1/2

The first is the area under the curve when levels, which double, are drawn at equal distances. The
second is interpolated between levels; it is 0 where D(0) is at most 1/2, and the last level where
D stays above 1/2. The e_r follow from the record's id, so that every model sees the same noise, and
are shared by all levels. A record without foreground, or with a constant image, is not measured.
d is taken over pixels that are not ignored.

Source:
    Choquette-Choo, Tramer, Carlini, Papernot, "Label-Only Membership Inference Attacks", ICML 2021,
    arXiv:2007.14321 (noise robustness); Li, Zhang, "Membership Leakage in Label-Only Exposures",
    CCS 2021, arXiv:2007.15528 (the distance to the decision boundary).

Differs from the source:
    Choquette-Choo et al. take one level, tuned on a shadow, and count right labels; Li and Zhang
    search for the boundary by adversarial perturbation, at thousands of queries. Here a few levels
    of plain noise give the curve of a Dice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats, SignalInfo
from pixleak.core.truth import LabelTruth
from pixleak.signals.base import Columns, Signal
from pixleak.signals.label_only.dice_of_labels import foreground_dice, joint_counts
from pixleak.signals.pixels.labels import Pixels

BROKEN = 0.5
"""Dice at or below which a mask counts as broken."""


@dataclass(frozen=True, kw_only=True)
class NoiseRobustness(Signal):
    """Two columns: ``noise-dice`` and ``noise-breaking-level``.

    Args:
        levels: of noise, in standard deviations of the image, ascending.
        repeats: noise images per level.
    """

    optional: ClassVar[bool] = True
    usual_at: ClassVar = (Access.LABEL,)

    levels: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8, 1.6)
    repeats: int = 3

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0.0, *self.levels), self.levels, strict=False))
        if not self.levels or not rising:
            raise InputError(
                f"{self.name}: levels must be above 0 and rising, got {list(self.levels)}"
            )
        if self.repeats < 1:
            raise InputError(f"{self.name}: repeats must be at least 1, got {self.repeats}")

    @property
    def info(self) -> SignalInfo:
        return SignalInfo(
            name="noise-robustness",
            title="robustness to noise",
            unit="1",
            members_are="higher",
            access=Access.LABEL,
            summary="Dice of labels under rising noise on the image (two columns)",
            source="Choquette-Choo 2021, arXiv:2007.14321; Li 2021, arXiv:2007.15528",
            queries=1 + len(self.levels) * self.repeats,
        )

    @property
    def name(self) -> str:
        return "noise-robustness"

    def infos(self, truth: LabelTruth) -> tuple[SignalInfo, ...]:
        return (
            replace(
                self.info,
                name="noise-dice",
                title="Dice under noise",
                summary="mean Dice of labels with the truth over levels of noise on the image",
            ),
            replace(
                self.info,
                name="noise-breaking-level",
                title="noise that breaks the mask",
                unit="standard deviations",
                summary="level of noise on the image at which the Dice of labels is one half",
            ),
        )

    def measure(self, pixels: Pixels) -> Columns:
        kind = pixels.truth_kind
        images, spread = pixels.asked_about, _spread(pixels)
        everywhere = torch.ones_like(pixels.labels, dtype=torch.bool)
        kept = everywhere if pixels.valid is None else pixels.valid

        def dice(labels: Tensor) -> tuple[Floats, np.ndarray]:
            counts = joint_counts(pixels.labels, labels, kept, kind.classes)
            return foreground_dice(counts, kind)

        clean, measured = dice(pixels.predicted_labels)
        noises = torch.stack(
            [
                _noise(key, self.repeats, image)
                for key, image in zip(pixels.ids, images, strict=True)
            ],
            dim=1,
        )
        curve = np.zeros((len(images), 1 + len(self.levels)))
        curve[:, 0] = clean
        for i, level in enumerate(self.levels, start=1):
            scale = (level * spread)[:, None, None, None]
            for noise in noises:
                curve[:, i] += dice(pixels.labels_on(images + scale * noise))[0] / self.repeats
        values = np.stack([curve.mean(axis=1), self.breaking(curve)], axis=1)
        known = measured & (spread > 0).numpy()
        return Columns(values, np.stack([known, known], axis=1))

    def breaking(self, curve: Floats) -> Floats:
        """(b,) level at which each of (b, 1 + levels) curves has fallen to one half."""
        levels = (0.0, *self.levels)
        found = np.full(len(curve), levels[-1])
        for row, heights in enumerate(curve):
            below = np.flatnonzero(heights <= BROKEN)
            if len(below) == 0:
                continue
            i = int(below[0])
            if i == 0:
                found[row] = 0.0
            else:
                share = (heights[i - 1] - BROKEN) / (heights[i - 1] - heights[i])
                found[row] = levels[i - 1] + share * (levels[i] - levels[i - 1])
        return found


def _spread(pixels: Pixels) -> Tensor:
    """(b,) standard deviation of each image over its valid pixels and channels."""
    images = pixels.asked_about.to(torch.float64)
    if pixels.valid is None:
        return images.flatten(1).std(dim=1, correction=0).float()
    deviations = [
        image[:, valid].std(correction=0) for image, valid in zip(images, pixels.valid, strict=True)
    ]
    return torch.stack(deviations).float()


def _noise(key: str, repeats: int, image: Tensor) -> Tensor:
    """(repeats, c, h, w) standard normal numbers that follow from the record's id."""
    seed = int(hashlib.sha256(f"noise/{key}".encode()).hexdigest()[:12], 16)
    return torch.randn(repeats, *image.shape, generator=torch.Generator().manual_seed(seed))
