"""A few convolutions at full resolution: for toy worlds and tests."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from pixleak.training.networks.base import Network

if TYPE_CHECKING:
    from torch import nn


class Tiny(Network):
    """``layers`` convolutions of 3x3, with ``width`` channels in between."""

    name: ClassVar[str] = "tiny"
    summary: ClassVar[str] = "two 3x3 convolutions: for toy worlds and tests"
    source: ClassVar[str] = "pixleak"

    width: Annotated[int, Field(gt=0)] = 8
    layers: Annotated[int, Field(ge=1, le=8)] = 2

    def make(self, channels: int, outputs: int) -> nn.Module:
        from torch import nn

        widths = [channels, *[self.width] * (self.layers - 1)]
        hidden = [
            layer
            for before, after in itertools.pairwise(widths)
            for layer in (nn.Conv2d(before, after, 3, padding=1), nn.ReLU())
        ]
        return nn.Sequential(*hidden, nn.Conv2d(widths[-1], outputs, 3, padding=1))
