"""Soft Dice loss of one record.

Idea: like the global loss, but every foreground class that is present has the same weight, however
few pixels it has. Over the foreground classes C that occur in the record's truth::

    dice-loss = 1 - mean_{c in C}  2 sum_j p_jc y_jc / (sum_j p_jc + sum_j y_jc)

It is taken over one record's valid pixels, never over a batch. A record without foreground has
no Dice loss: it is not measured there, since any stand-in value (0, say) would read as
"member" or as "non-member".

Source:
    Milletari, Navab, Ahmadi, "V-Net", 3DV 2016, arXiv:1606.04797; as a membership signal
    Chobola, Usynin, Kaissis, arXiv:2212.01082.

Differs from the source:
    No square in the denominator (V-Net has one), no smoothing term (a present class keeps the
    denominator positive), and one record at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.tables import SignalInfo
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.labels import Pixels
from pixleak.signals.segmentation.dice import mean_dice


@dataclass(frozen=True, kw_only=True)
class DiceLoss(Signal):
    """One minus the mean soft Dice over the foreground classes that the record has."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="dice-loss",
        title="global loss (Dice)",
        unit="1",
        members_are="lower",
        summary="soft Dice loss over the foreground classes present; undefined on an empty mask",
        source="Chobola 2022, arXiv:2212.01082",
    )
    usual_at: ClassVar = SOFT

    def measure(self, pixels: Pixels) -> Columns:
        dice = mean_dice(pixels.overlap, pixels.predicted_mass, pixels)
        return Columns(1.0 - dice.values, dice.measured)
