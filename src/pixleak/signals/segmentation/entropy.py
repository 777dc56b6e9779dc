"""Entropy of the prediction.

Idea: like confidence, over the whole distribution. Needs no truth (other than which pixels to
ignore)::

    entropy = mean_j -sum_c p_jc log p_jc      nat/pixel

Source:
    Salem, Zhang, Humbert, Berrang, Fritz, Backes, "ML-Leaks", NDSS 2019, arXiv:1806.01246.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.tables import SignalInfo
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class Entropy(Signal):
    """Mean entropy of the class probabilities."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="entropy",
        title="entropy",
        unit="nat/pixel",
        members_are="lower",
        needs_truth=False,
        summary="mean entropy of the class probabilities",
        source="Salem 2018, arXiv:1806.01246",
    )
    usual_at: ClassVar = SOFT

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("entropy"))
