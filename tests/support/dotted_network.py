"""A network as somebody else might write it, in no table."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from pixleak.training.networks import Network


class Dotted(Network):
    """One convolution of 1 x 1 after another."""

    name: ClassVar[str] = "dotted"
    summary: ClassVar[str] = "two convolutions of 1 x 1"
    source: ClassVar[str] = "nobody"

    width: int = 4

    def make(self, channels: int, outputs: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(channels, self.width, 1), nn.ReLU(), nn.Conv2d(self.width, outputs, 1)
        )


class NotTheTiny(Dotted):
    """A network that takes the name of another."""

    name: ClassVar[str] = "tiny"
