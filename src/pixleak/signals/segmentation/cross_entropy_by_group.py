"""Cross-entropy within a class, and within a band along the label edges.

Idea: memorisation is expected in rare classes and at borders; in a plain mean, easy background
outweighs both. Over the valid pixels of one class c, or of one band d (distance to the nearest
label edge at most 2, 3 to 8, more than 8 pixels; see :mod:`pixleak.signals.pixels.labels`)::

    mean{ l_j : y_j = c }     and     mean{ l_j : band of j is d }     nat/pixel

A class or a band that a record lacks is not measured there.

Source:
    pixleak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pixleak.core.tables import SignalInfo
from pixleak.core.truth import LabelTruth
from pixleak.signals.base import Columns, Signal
from pixleak.signals.pixels.bands import BANDS
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class CrossEntropyByClass(Signal):
    """One column per class: ``cross-entropy-class-0``, ``cross-entropy-class-1``, ..."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="cross-entropy-by-class",
        title="loss by class",
        unit="nat/pixel",
        members_are="lower",
        summary="mean cross-entropy over the pixels of each class (a column per class)",
        source="pixleak",
    )

    def infos(self, truth: LabelTruth) -> tuple[SignalInfo, ...]:
        return tuple(
            replace(
                self.info,
                name=f"cross-entropy-class-{c}",
                title=f"loss on {truth.name_of(c)}",
                summary=f"mean cross-entropy over the pixels of {truth.name_of(c)}",
            )
            for c in range(truth.classes)
        )

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.means(pixels.sums("cross_entropy").sum(axis=2), pixels.class_count)


@dataclass(frozen=True, kw_only=True)
class CrossEntropyByBorder(Signal):
    """Three columns: ``cross-entropy-at-border``, ``-near-border`` and ``-inside``."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="cross-entropy-by-border",
        title="loss by border band",
        unit="nat/pixel",
        members_are="lower",
        summary="mean cross-entropy at, near and far from label edges (three columns)",
        source="pixleak",
    )

    def infos(self, truth: LabelTruth) -> tuple[SignalInfo, ...]:
        return tuple(
            replace(
                self.info,
                name=f"cross-entropy-{band}",
                title=f"loss {band.replace('-', ' ')}",
                summary=f"mean cross-entropy over the pixels {band.replace('-', ' ')}",
            )
            for band in BANDS
        )

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.means(
            pixels.sums("cross_entropy").sum(axis=1), pixels.stratum_count.sum(axis=1)
        )
