"""How similar output and truth are, apart from brightness and contrast.

Idea: a generator that remembers an image puts the *right* texture where another would put any
texture. The correlation of output and truth over the pixels shows this however faint it is::

    likeness         atanh corr(output, truth)                 each channel about its mean
    edge-likeness    atanh corr(differences of neighbouring pixels of both)

Fisher's atanh makes the spread of a correlation similar for all its values; correlations are
clipped to +-(1 - 1e-6).

Source:
    pixleak.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pixleak.core.access import Access
from pixleak.core.tables import Floats, SignalInfo
from pixleak.signals.base import OF_IMAGES, Columns
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.pixels.images import ImagePixels


def _fisher(correlation: Floats) -> Floats:
    return np.asarray(np.arctanh(np.clip(correlation, -1 + 1e-6, 1 - 1e-6)))


@dataclass(frozen=True, kw_only=True)
class Likeness(ImageSignal):
    """Correlation of output and truth."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="likeness",
        title="correlation of output and truth",
        unit="atanh",
        members_are="higher",
        access=Access.IMAGE,
        summary="correlation of output and true image over the pixels, by Fisher's atanh",
        source="pixleak",
    )
    usual_at: ClassVar = OF_IMAGES
    place: ClassVar = 1

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(_fisher(pixels.correlation))


@dataclass(frozen=True, kw_only=True)
class EdgeLikeness(ImageSignal):
    """Correlation of the differences of neighbouring pixels."""

    info: ClassVar[SignalInfo] = SignalInfo(
        name="edge-likeness",
        title="correlation of edges",
        unit="atanh",
        members_are="higher",
        access=Access.IMAGE,
        summary="correlation of neighbouring pixels' differences in output and true image",
        source="pixleak",
    )
    usual_at: ClassVar = OF_IMAGES
    place: ClassVar = 1

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(_fisher(pixels.change_correlation))
