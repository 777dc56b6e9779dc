"""The discriminator's score of the true image (LOGAN).

Idea: a discriminator is trained to call the training images real, and overfits to them. If the
attacker has it (published with the generator, or part of a stolen checkpoint), its logit of "real"
for a record's input and true image, averaged over patches and scales, ranks members higher.

Source:
    Hayes, Melis, Danezis, De Cristofaro, "LOGAN: Membership Inference Attacks Against Generative
    Models", PoPETs 2019, arXiv:1705.07663 (the white-box attack).

Differs from the source:
    The discriminator is conditional: it sees the input as well as the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.access import Access
from pixleak.core.tables import SignalInfo
from pixleak.signals.base import Columns
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.pixels.images import ImagePixels


@dataclass(frozen=True, kw_only=True)
class DiscriminatorScore(ImageSignal):
    """Mean logit of "real"."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="discriminator",
        title="discriminator score (LOGAN)",
        unit="nat",
        members_are="higher",
        access=Access.DISCRIMINATOR,
        summary="the discriminator's mean logit of 'real' for input and true image",
        source="Hayes 2019, arXiv:1705.07663",
    )
    usual_at: ClassVar = (Access.DISCRIMINATOR,)
    place: ClassVar = 2

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(pixels.realness)
