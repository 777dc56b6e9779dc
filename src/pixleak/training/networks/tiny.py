"""A few convolutions at full resolution: for toy worlds and tests."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pixleak.training.networks.base import Network, Options

if TYPE_CHECKING:
    from torch import nn


class TinyOptions(Options):
    """Options of ``tiny``."""

    width: Annotated[int, Field(gt=0)] = 8
    layers: Annotated[int, Field(ge=1, le=8)] = 2


def _tiny(channels: int, outputs: int, options: TinyOptions) -> nn.Module:
    from torch import nn

    widths = [channels, *[options.width] * (options.layers - 1)]
    hidden = [
        layer
        for before, after in itertools.pairwise(widths)
        for layer in (nn.Conv2d(before, after, 3, padding=1), nn.ReLU())
    ]
    return nn.Sequential(*hidden, nn.Conv2d(widths[-1], outputs, 3, padding=1))


NETWORK = Network(
    name="tiny",
    summary="two 3x3 convolutions: for toy worlds and tests",
    source="pixleak",
    options=TinyOptions,
    make=_tiny,
    stride=lambda options: 1,
)
