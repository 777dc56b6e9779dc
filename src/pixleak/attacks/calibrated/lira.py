"""LiRA: likelihood ratio of the signal under models that hold and lack the record.

A record's signal over models of one kind is taken as normal::

    offline   z_j = (s_j - mu_out) / sigma_out
    online    log N(s_j; mu_in, sigma_in^2) - log N(s_j; mu_out, sigma_out^2)

Offline needs no model that was trained on the record. Its score orders records as the one-sided
probability ``Phi(z_j)`` does, and does not saturate at one where the evidence is overwhelming.

The variance can be each record's own (``own``, for many references), one for all records
(``pooled``: squared deviations from *each record's own mean*, put together), or in between
(``shrunk``)::

    sigma_j^2 = (sum_i (s_ij - mu_j)^2 + k sigma_pooled^2) / (n_j - 1 + k)

Source:
    Carlini, Chien, Nasr, Song, Terzis, Tramer, "Membership Inference Attacks From First
    Principles", S&P 2022, arXiv:2112.03570.

Differs from the source:
    There the signal is the logit of the true label's probability; here it is any signal of a whole
    image, usually ``log-cross-entropy``. The published code scores offline by a two-sided
    density, which also calls a record a member if the target does unusually *badly* on it. Its
    fixed variance does not centre each record, so that the spread between records counts as
    spread between models. The shrunk variance is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.calibrated.moments import Variance, check_variance, equally_many, moments
from pixleak.attacks.evidence import Evidence
from pixleak.attacks.usual import CALIBRATED, ERROR, calibrated
from pixleak.core.tables import Floats
from pixleak.core.truth import Kind


@dataclass(frozen=True, kw_only=True)
class LiraOffline(Attack):
    """How many standard deviations the signal lies above references that lack the record.

    Args:
        variance: ``"own"``, ``"pooled"`` or ``"shrunk"``.
        strength: of the shrinkage, in models.
    """

    name: ClassVar[str] = "lira-offline"
    title: ClassVar[str] = "LiRA offline"
    summary: ClassVar[str] = "standard deviations above references that lack the record"
    source: ClassVar[str] = "Carlini 2022, arXiv:2112.03570"
    rank: ClassVar = 40
    min_references: ClassVar[int] = 2
    min_outside: ClassVar[int] = 2

    variance: Variance = "shrunk"
    strength: float = 8.0

    def __post_init__(self) -> None:
        check_variance(self.variance, self.strength)

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        return ((calibrated(kind),),)

    def _score(self, evidence: Evidence) -> Floats:
        outside = moments(evidence.reference, evidence.outside)
        deviation = np.sqrt(outside.variance(self.variance, self.strength))
        score: Floats = (evidence.values - outside.mean) / deviation
        return score


@dataclass(frozen=True, kw_only=True)
class LiraOnline(Attack):
    """Log-likelihood ratio of the signal under references that hold and lack the record.

    Args:
        variance: ``"own"``, ``"pooled"`` or ``"shrunk"``.
        strength: of the shrinkage, in models.
    """

    name: ClassVar[str] = "lira-online"
    title: ClassVar[str] = "LiRA online"
    summary: ClassVar[str] = "log-likelihood ratio under references that hold and lack the record"
    source: ClassVar[str] = "Carlini 2022, arXiv:2112.03570"
    rank: ClassVar = 30
    min_references: ClassVar[int] = 4
    min_inside: ClassVar[int] = 2
    min_outside: ClassVar[int] = 2
    natural_threshold: ClassVar[float | None] = 0.0

    variance: Variance = "shrunk"
    strength: float = 8.0

    def __post_init__(self) -> None:
        check_variance(self.variance, self.strength)

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        if kind == "image":
            return (ERROR,), ("likeness",)
        return (CALIBRATED,), ("type-ii-logistic",), ("mirror-dice",), ("noise-dice",)

    def _score(self, evidence: Evidence) -> Floats:
        densities = []
        for mask in (evidence.inside, evidence.outside):
            # Equally many for all records: their number would show in the score.
            side = moments(evidence.reference, equally_many(evidence.reference, mask))
            variance = side.variance(self.variance, self.strength)
            distance = (evidence.values - side.mean) ** 2 / variance
            densities.append(-0.5 * (distance + np.log(variance)))
        return densities[0] - densities[1]
