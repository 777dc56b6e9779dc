"""Cross-entropy over all pixels: the "global loss" of a prediction, and its close relatives.

Idea: a model fits what it was trained on, so its loss there is lower. Over the valid pixels V
of a record, with the per-pixel loss l_j = -log p_true from the clipped margin::

    cross-entropy                = mean_j l_j            nat/pixel
    log-cross-entropy            = log mean_j l_j        log(nat/pixel)
    cross-entropy-second-moment  = mean_j l_j^2          nat^2/pixel

The logarithm does not change the ranking of records, but it is what reference models should
calibrate: losses of easy and hard records differ by a factor, not by an amount. The second
moment gives more weight to the worst pixels.

Source:
    Yeom, Giacomelli, Fredrikson, Jha, "Privacy Risk in Machine Learning: Analyzing the
    Connection to Overfitting", CSF 2018, arXiv:1709.01604; for segmentation Chobola, Usynin,
    Kaissis, "Membership Inference Attacks Against Semantic Segmentation Models",
    arXiv:2212.01082 (the global loss attack).

Differs from the source:
    Only the signal is here, the threshold is an attack. Margins are clipped to +-15 nat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.core.tables import SignalInfo
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Signal):
    """Mean cross-entropy of a record's pixels."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="cross-entropy",
        title="global loss (cross-entropy)",
        unit="nat/pixel",
        members_are="lower",
        summary="mean cross-entropy over all pixels",
        source="Yeom 2018, arXiv:1709.01604; Chobola 2022, arXiv:2212.01082",
    )
    usual_at: ClassVar = SOFT
    rank: ClassVar = 20

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("cross_entropy"))


@dataclass(frozen=True, kw_only=True)
class LogCrossEntropy(Signal):
    """Logarithm of the mean cross-entropy."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="log-cross-entropy",
        title="log global loss",
        unit="log(nat/pixel)",
        members_are="lower",
        summary="logarithm of the mean cross-entropy, for calibration by reference models",
        source="pixleak, after Yeom 2018, arXiv:1709.01604",
    )

    def measure(self, pixels: Pixels) -> Columns:
        # A clipped loss is at least log(1 + exp(-15)) > 0, so the logarithm is finite.
        return Columns.single(np.log(pixels.mean("cross_entropy")))


@dataclass(frozen=True, kw_only=True)
class CrossEntropySecondMoment(Signal):
    """Mean squared cross-entropy."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="cross-entropy-second-moment",
        title="second moment of the loss",
        unit="nat²/pixel",
        members_are="lower",
        summary="mean squared cross-entropy, which gives more weight to the worst pixels",
        source="pixleak",
    )

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("squared_cross_entropy"))
