"""Share of a record's valid pixels that are foreground, by its truth.

Not an attack: it never asks the model. It serves as a covariate (large masks are easier) and as a
control, since members and non-members of a fair split have masks of the same size::

    mask-share = |{ j in V : y_j is not background }| / |V|

Where no class is background every pixel is foreground, and the share is 1.

Source:
    pixleak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.access import Access
from pixleak.core.tables import SignalInfo
from pixleak.signals.base import Columns, Signal
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, kw_only=True)
class MaskShare(Signal):
    """Share of foreground pixels in the truth."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="mask-share",
        title="mask share (not an attack)",
        unit="1",
        members_are="higher",
        access=Access.LABEL,
        queries_model=False,
        summary="share of foreground in the truth; a covariate that never sees the model",
        source="pixleak",
    )

    def measure(self, pixels: Pixels) -> Columns:
        foreground = (pixels.class_count * pixels.foreground).sum(axis=1)
        return Columns.single(foreground / pixels.pixel_count)
