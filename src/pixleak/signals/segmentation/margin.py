"""True-class logit margin.

Idea: the loss saturates at zero; the margin keeps ranking pixels that are all right::

    phi_j = log p_y - log sum_{c != y} p_c  =  z_y - logsumexp_{c != y} z_c      nat

clipped to [-15, 15] and averaged over the valid pixels (``margin``), or over the pixels of one
class and border band (``margin-by-stratum``, 3 K columns; a stratum that a record lacks is not
measured there).

Source:
    Carlini, Chien, Nasr, Song, Terzis, Tramer, "Membership Inference Attacks From First
    Principles", S&P 2022, arXiv:2112.03570 (there on one label per image). Strata: pixleak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pixleak.core.tables import SignalInfo
from pixleak.core.truth import LabelTruth
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.bands import BANDS
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class Margin(Signal):
    """Mean true-class margin."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="margin",
        title="margin",
        unit="nat",
        members_are="higher",
        summary="mean log-odds of the true class against all others",
        source="Carlini 2022, arXiv:2112.03570",
    )
    usual_at: ClassVar = SOFT

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("margin"))


@dataclass(frozen=True, kw_only=True)
class MarginByStratum(Signal):
    """One column per class and border band: ``margin-class-1-at-border``, ..."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="margin-by-stratum",
        title="margin by stratum",
        unit="nat",
        members_are="higher",
        summary="mean margin by class and border band (one column each)",
        source="pixleak, after Carlini 2022, arXiv:2112.03570",
    )

    def infos(self, truth: LabelTruth) -> tuple[SignalInfo, ...]:
        return tuple(
            replace(
                self.info,
                name=f"margin-class-{c}-{band}",
                title=f"margin on {truth.name_of(c)} {band.replace('-', ' ')}",
                summary=f"mean margin over the pixels of {truth.name_of(c)} "
                f"{band.replace('-', ' ')}",
            )
            for c in range(truth.classes)
            for band in BANDS
        )

    def measure(self, pixels: Pixels) -> Columns:
        sums, counts = pixels.sums("margin"), pixels.stratum_count
        return Columns.means(sums.reshape(len(sums), -1), counts.reshape(len(sums), -1))
