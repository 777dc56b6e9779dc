"""RMIA: the share of known non-members whose probability ratio the record's ratio dominates.

The probability of the true labels under the target, relative to what models that never saw the
record give it, is compared with the same ratio of records ``z`` of a population::

    P(x)     = exp(s_x)                                   s_x = mean log p_y over the pixels
    ratio_x  = P(x) / (((1 + a) mean of P_i(x) over references i that lack x + (1 - a)) / 2)
    score_x  = share of z in the population with ratio_x / ratio_z >= gamma

The denominator stands for the mean over models that hold and lack the record, where only the
latter are available: at a = 1 it is their mean, at a = 0 half-way from it to one.

Source:
    Zarifzadeh, Liu, Shokri, "Low-Cost High-Power Membership Inference Attacks", ICML 2024,
    arXiv:2312.03262 (the offline form).

Differs from the source:
    P is the geometric mean of the true labels' probabilities over the pixels, so the signal must
    be a mean log-probability (``cross-entropy``). The score is a share of the population, hence a
    multiple of one over its size; so is the resolution at low false positive rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.evidence import Evidence
from pixleak.attacks.usual import ERROR
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats
from pixleak.core.truth import Kind


@dataclass(frozen=True, kw_only=True)
class Rmia(Attack):
    """Share of the population that the record's probability ratio dominates.

    Args:
        a: weight of the references in the denominator, 0 to 1.
        gamma: by what factor to dominate.
    """

    name: ClassVar[str] = "rmia"
    title: ClassVar[str] = "RMIA"
    summary: ClassVar[str] = "share of a population whose probability ratio the record's dominates"
    source: ClassVar[str] = "Zarifzadeh 2024, arXiv:2312.03262"
    rank: ClassVar = 60
    min_references: ClassVar[int] = 1
    min_outside: ClassVar[int] = 1
    needs_population: ClassVar[bool] = True
    recordwise: ClassVar[bool] = True

    a: float = 0.3
    gamma: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.a <= 1 or not self.gamma > 0:
            raise InputError(f"rmia needs 0 <= a <= 1 and gamma > 0, got {self.a}, {self.gamma}")

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        return (("cross-entropy",),) if kind == "labels" else ((ERROR,),)

    def _score(self, evidence: Evidence) -> Floats:
        population = evidence.population
        if population is None or not len(population.values):
            raise InputError("rmia: no record of the population was measured")
        ratios = np.sort(self._log_ratio(population))
        mine = self._log_ratio(evidence) - np.log(self.gamma)
        share: Floats = np.searchsorted(ratios, mine, side="right") / len(ratios)
        return share

    def _log_ratio(self, evidence: Evidence) -> Floats:
        outside = evidence.outside
        count = outside.sum(axis=0)
        if len(count) and not count.min():
            raise InputError("rmia: a record of the population is held by every reference model")
        probability = np.where(outside, np.exp(np.where(outside, evidence.reference, 0.0)), 0.0)
        mean = probability.sum(axis=0) / count
        ratio: Floats = evidence.values - np.log(((1 + self.a) * mean + (1 - self.a)) / 2)
        return ratio
