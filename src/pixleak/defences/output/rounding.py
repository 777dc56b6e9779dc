"""Rounding: return few decimals.

Idea: members and other records differ in digits close to 0 and 1, which a mask does not need. The
probabilities of a pixel are rounded to units u = 10^-d so that they still sum to one (largest
remainder method)::

    r_c = floor(p_c / u),   and one more for each of the 1/u - sum_c r_c classes with the largest
                            remainders p_c / u - r_c, ties to the lower class
    a_c = r_c u

One channel is rounded to the nearest unit, halves down, which is equivalent for two classes. Logits
are converted to probabilities first. For generators, pixel values are rounded in units of the
image's range; the discriminator, if it can be queried, answers as before.

Source:
    Shokri, Stronati, Song, Shmatikov, "Membership Inference Attacks Against Machine Learning
    Models", S&P 2017, arXiv:1610.05820 (coarsened prediction vectors).

Differs from the source:
    Probabilities that are rounded separately need not sum to one; here the answer remains a
    distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.defences.steps.shared_checks import refuse_labels
from pixleak.targets.altered import AlteredTarget
from pixleak.targets.base import Target
from pixleak.targets.restricted import restricted
from pixleak.training.defence import Defence, DefenceSide


@dataclass(frozen=True, kw_only=True)
class Rounding(Defence):
    """Few decimals.

    Args:
        decimals: number of decimals, 1 to 6.
    """

    name: ClassVar[str] = "rounding"
    title: ClassVar[str] = "Rounded answers"
    summary: ClassVar[str] = "return probabilities or pixel values with few decimals"
    source: ClassVar[str] = "Shokri 2017, arXiv:1610.05820"
    side: ClassVar[DefenceSide] = "output"
    on: ClassVar[Literal["labels", "image", "any"]] = "any"

    decimals: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.decimals <= 6:
            raise InputError(
                f"rounding keeps 1 to 6 decimals, got {self.decimals}; for none, use 'argmax'"
            )

    def access_after(self, given: Access) -> Access:
        refuse_labels(self.name, given)
        return given if given.of_images else Access.PROBABILITY

    def wrap_target(self, target: Target) -> Target:
        access = self.access_after(target.access)
        if not access.of_images:
            target = restricted(target, access)
        return RoundedTarget(target, self.decimals)


class RoundedTarget(AlteredTarget):
    """Another target's probabilities or images, rounded.

    Args:
        inner: returns probabilities or images.
        decimals: number of decimals.
    """

    def __init__(self, inner: Target, decimals: int) -> None:
        super().__init__(inner, inner.access)
        self.units: int = 10**decimals

    def _query(self, images: Tensor) -> Tensor:
        values = self.inner.predict(images).values.to(torch.float64)
        if isinstance(self.truth, ImageTruth):
            span = self.truth.high - self.truth.low
            steps = ((values - self.truth.low) / span * self.units).round()
            return steps / self.units * span + self.truth.low
        if values.shape[1] == 1:
            return (values * self.units - 0.5).ceil() / self.units
        return largest_remainder(values, self.units) / self.units


def largest_remainder(values: Tensor, units: int) -> Tensor:
    """(b, K, ...) integers that sum to ``units`` over the K channels.

    Args:
        values: (b, K, ...) float64 shares, at least 0.
        units: to distribute.
    """
    exact = values / values.sum(dim=1, keepdim=True) * units
    whole = exact.floor()
    left = units - whole.sum(dim=1, keepdim=True)
    order = (exact - whole).argsort(dim=1, descending=True, stable=True)
    return whole + (order.argsort(dim=1) < left)
