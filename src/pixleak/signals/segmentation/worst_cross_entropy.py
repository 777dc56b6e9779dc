"""Mean cross-entropy of a record's worst pixels.

Idea: an overfitted model makes no errors on its members; on other records it makes some. With the
n = |V| losses of a record in descending order l_(1) >= l_(2) >= ...::

    worst-cross-entropy = mean{ l_(1), ..., l_(m) },    m = ceil(share * n)

Source:
    pixleak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo
from pixleak.signals.base import SOFT, Columns, Signal
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class WorstCrossEntropy(Signal):
    """Mean of the largest ``share`` of a record's pixel losses.

    Args:
        share: share of pixels, in (0, 1]; chosen on shadow models, never on the target.
    """

    info: ClassVar[SignalInfo] = SignalInfo(
        name="worst-cross-entropy",
        title="worst cross-entropy",
        unit="nat/pixel",
        members_are="lower",
        summary="mean cross-entropy over the worst tenth of the pixels",
        source="pixleak",
    )
    usual_at: ClassVar = SOFT

    share: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise InputError(f"worst-cross-entropy: share must be in (0, 1], got {self.share}")

    def measure(self, pixels: Pixels) -> Columns:
        return Columns.single(pixels.worst_loss(self.share))
