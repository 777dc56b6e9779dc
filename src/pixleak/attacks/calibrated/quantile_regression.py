"""Quantile regression: is the signal higher than predicted for known non-members?

Without a single reference model, a record's difficulty can be predicted from what it looks like. On
a population of known non-members, the target's signal is regressed on covariates that do not depend
on the model (share of the mask, ...); the score is how far a record's own signal lies above::

    gaussian   score_j = (s_j - b' x_j) / sigma        ridge regression, one spread
    pinball    score_j = s_j - q(x_j)                  linear quantile at the level 1 - alpha

The first of the signals is ``s``, the others are ``x``.

Source:
    Bertran, Tang, Roth, Kearns, Morgenstern, Wu, "Scalable Membership Inference Attacks via
    Quantile Regression", NeurIPS 2023, arXiv:2307.03694.

Differs from the source:
    There a network is fitted on the images of a large population; here the regression is linear
    in given covariates, and below 1,000 records Gaussian: a low quantile cannot be read off
    a few hundred records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.evidence import Evidence
from pixleak.attacks.usual import CALIBRATED
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats
from pixleak.core.truth import Kind

MANY = 1000
"""Records of a population from which a quantile is fitted directly."""

FEWEST = 10


@dataclass(frozen=True, kw_only=True)
class QuantileRegression(Attack):
    """The signal above its prediction for non-members.

    Args:
        head: ``"gaussian"``, ``"pinball"``, or ``"auto"``: by the size of the population.
        alpha: the share of non-members above the quantile of ``"pinball"``.
        ridge: penalty of ``"gaussian"``, in records.
    """

    name: ClassVar[str] = "quantile-regression"
    title: ClassVar[str] = "Quantile regression"
    summary: ClassVar[str] = "the signal above its regression on non-members; no reference models"
    source: ClassVar[str] = "Bertran 2023, arXiv:2307.03694"
    rank: ClassVar = 70
    signals: ClassVar = "many"
    needs_population: ClassVar[bool] = True
    recordwise: ClassVar[bool] = True

    head: Literal["auto", "gaussian", "pinball"] = "auto"
    alpha: float = 0.05
    ridge: float = 1.0

    def __post_init__(self) -> None:
        if self.head not in ("auto", "gaussian", "pinball"):
            raise InputError(f"head must be auto, gaussian or pinball, got {self.head!r}")
        if not 0 < self.alpha < 1 or not self.ridge > 0:
            raise InputError(
                f"quantile-regression needs 0 < alpha < 1 and ridge > 0, got {self.alpha} and "
                f"{self.ridge}"
            )

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        return ((CALIBRATED, "mask-share"),) if kind == "labels" else ()

    def _score(self, evidence: Evidence) -> Floats:
        population = evidence.population
        known = 0 if population is None else len(population.values)
        if population is None or known < FEWEST:
            raise InputError(
                f"quantile-regression is fitted on the population and needs at least {FEWEST} "
                f"records with the signal, got {known}"
            )
        signal, covariates = population.values[:, 0], population.values[:, 1:]
        centre, scale = covariates.mean(axis=0), covariates.std(axis=0)
        scale[scale == 0] = 1.0
        fitted_on = (covariates - centre) / scale
        asked = (evidence.values[:, 1:] - centre) / scale
        head = self.head
        if head == "auto":
            head = "pinball" if known >= MANY else "gaussian"
        if head == "pinball":
            return evidence.values[:, 0] - self._quantile(fitted_on, signal, asked)
        slope = np.linalg.solve(
            fitted_on.T @ fitted_on + self.ridge * np.eye(fitted_on.shape[1]),
            fitted_on.T @ (signal - signal.mean()),
        )
        rest = signal - signal.mean() - fitted_on @ slope
        freedom = max(known - 1 - len(slope), 1)
        spread = max(float(np.sqrt(rest @ rest / freedom)), np.finfo(np.float64).tiny ** 0.25)
        score: Floats = (evidence.values[:, 0] - signal.mean() - asked @ slope) / spread
        return score

    def _quantile(self, fitted_on: Floats, signal: Floats, asked: Floats) -> Floats:
        from sklearn.linear_model import QuantileRegressor

        if not fitted_on.shape[1]:
            return np.full(len(asked), np.quantile(signal, 1 - self.alpha))
        model = QuantileRegressor(quantile=1 - self.alpha, alpha=0.0, solver="highs")
        predicted: Floats = model.fit(fitted_on, signal).predict(asked)
        return predicted
