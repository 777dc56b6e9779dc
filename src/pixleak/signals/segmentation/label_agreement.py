"""Agreement of the predicted labels with the truth, for targets that give labels only.

Idea: where a target hides its probabilities, overfitting still shows in predictions that are right
more often on members::

    label-agreement = share of valid pixels whose predicted label is the true one
    label-dice      = mean over present foreground classes of 2 |P_c & Y_c| / (|P_c| + |Y_c|)

The Dice is not measured where a record has no foreground.

Source:
    The gap attack of Yeom, Giacomelli, Fredrikson, Jha, CSF 2018, arXiv:1709.01604, with a
    record's share of right pixels in place of one right or wrong label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.access import Access
from pixleak.core.tables import SignalInfo
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.labels import Pixels
from pixleak.signals.segmentation.dice import mean_dice


@dataclass(frozen=True, kw_only=True)
class LabelAgreement(Signal):
    """Share of pixels with the right label."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="label-agreement",
        title="label agreement",
        unit="1",
        members_are="higher",
        access=Access.LABEL,
        summary="share of pixels whose predicted label is right",
        source="Yeom 2018, arXiv:1709.01604",
    )
    usual_at: ClassVar = (Access.LABEL, *SOFT)
    rank: ClassVar = 30

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.mean("right"))


@dataclass(frozen=True, kw_only=True)
class LabelDice(Signal):
    """Dice of the predicted labels."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="label-dice",
        title="Dice of labels",
        unit="1",
        members_are="higher",
        access=Access.LABEL,
        summary="Dice of the predicted labels; undefined on an empty mask",
        source="pixleak, after Yeom 2018, arXiv:1709.01604",
    )
    usual_at: ClassVar = (Access.LABEL,)

    def measure(self, pixels: Pixels) -> Columns:
        return mean_dice(pixels.sums("right").sum(axis=2), pixels.predicted_count, pixels)
