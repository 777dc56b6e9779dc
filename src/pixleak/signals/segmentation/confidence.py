"""Confidence of the prediction.

Idea: a model is more confident on what it was trained on, whether or not it is right. Needs no
truth (other than which pixels to ignore)::

    confidence = mean_j max_c p_jc

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
class Confidence(Signal):
    """Mean largest class probability."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="confidence",
        title="confidence",
        unit="1",
        members_are="higher",
        needs_truth=False,
        summary="mean largest class probability",
        source="Salem 2018, arXiv:1806.01246",
    )
    usual_at: ClassVar = SOFT

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("confidence"))
