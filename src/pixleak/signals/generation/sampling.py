"""Several answers to one input: for generators that sample.

Idea: some answers of a sampling generator come close to what it was trained on. With d_i the mean
absolute error of the i-th of n answers::

    best-of-n             log min_i d_i
    monte-carlo-share     share of the d_i that are at most a radius, for several radii

Source:
    Best of n: Chen, Yu, Zhang, Fritz, "GAN-Leaks", CCS 2020, arXiv:1909.03935. Monte-Carlo share:
    Hilprecht, Härterich, Bernau, "Monte Carlo and Reconstruction Membership Inference Attacks
    against Generative Models", PoPETs 2019.

Differs from the source:
    The answers are to the record's own input. The radii are fixed in units of the image's range
    instead of being a quantile of the very records that are attacked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo
from pixleak.core.truth import Truth
from pixleak.signals.base import OF_IMAGES, Columns
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.generation.reconstruction import logarithm
from pixleak.signals.pixels.images import ImagePixels


@dataclass(frozen=True, kw_only=True)
class BestOfN(ImageSignal):
    """Logarithm of the smallest error of several answers."""

    needs_samples: ClassVar[bool] = True

    info: ClassVar[SignalInfo] = SignalInfo(
        name="best-of-n",
        title="error of the best of n answers",
        unit="log(range)",
        members_are="lower",
        access=Access.IMAGE,
        summary="smallest error of several answers of a generator that samples",
        source="Chen 2020, arXiv:1909.03935",
    )
    usual_at: ClassVar = OF_IMAGES
    place: ClassVar = 2

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(logarithm(pixels.sample_errors.min(axis=0)))


@dataclass(frozen=True, kw_only=True)
class MonteCarloShare(ImageSignal):
    """Share of several answers that come close, one column per radius.

    Args:
        radii: mean absolute errors, in units of the image's range.
    """

    needs_samples: ClassVar[bool] = True

    info: ClassVar[SignalInfo] = SignalInfo(
        name="monte-carlo-share",
        unit="1",
        members_are="higher",
        access=Access.IMAGE,
        summary="share of several answers that lie within a radius of the true image",
        source="Hilprecht 2019, PoPETs",
    )
    usual_at: ClassVar = OF_IMAGES
    place: ClassVar = 2

    radii: tuple[float, ...] = (0.05, 0.1, 0.2)

    def __post_init__(self) -> None:
        if not self.radii or not all(0 < r <= 1 for r in self.radii):
            raise InputError(f"monte-carlo-share needs radii in (0, 1], got {self.radii}")

    def infos(self, truth: Truth) -> tuple[SignalInfo, ...]:
        return tuple(
            SignalInfo(
                name=f"monte-carlo-share-{str(radius).replace('.', '-')}",
                title=f"share of answers within {radius:g}",
                unit="1",
                members_are="higher",
                access=Access.IMAGE,
                summary=f"share of answers with a mean absolute error of at most {radius:g}",
                source=self.info.source,
            )
            for radius in self.radii
        )

    def measure(self, pixels: ImagePixels) -> Columns:
        errors = pixels.sample_errors
        shares = np.stack([(errors <= radius).mean(axis=0) for radius in self.radii], axis=1)
        return Columns(shares, np.ones(shares.shape, dtype=np.bool_))
