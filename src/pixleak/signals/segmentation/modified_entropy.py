"""Modified entropy: entropy that takes the true class into account.

Idea: plain entropy rates a confidently wrong pixel like a confidently right one. This one rises
with every probability that is on the wrong side::

    modified-entropy = mean_j [ -(1 - p_y) log p_y - sum_{c != y} p_c log(1 - p_c) ]   nat/pixel

Source:
    Song, Mittal, "Systematic Evaluation of Privacy Risks of Machine Learning Models", USENIX
    Security 2021, arXiv:2003.10595.

Differs from the source:
    Averaged over pixels; one threshold, not one per class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.tables import SignalInfo
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class ModifiedEntropy(Signal):
    """Mean modified entropy."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="modified-entropy",
        title="modified entropy",
        unit="nat/pixel",
        members_are="lower",
        summary="mean entropy that also counts whether the prediction is right",
        source="Song & Mittal 2021, arXiv:2003.10595",
    )
    usual_at: ClassVar = SOFT

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("modified_entropy"))
