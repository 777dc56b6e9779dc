"""The torch modules behind :mod:`pixleak.training.networks.generators`."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from monai.networks.blocks.convolutions import Convolution, ResidualUnit
from monai.networks.nets.spade_network import SPADENetResBlock
from torch import Tensor, nn
from torch.nn import functional

_INSTANCE = ("instance", {"affine": True})


def _unit_range(values: Tensor) -> Tensor:
    """[0, 1] by the papers' tanh."""
    return (torch.tanh(values) + 1) / 2


class Sampling(nn.Module):
    """Dropout that stays on in evaluation mode: the noise that makes a generator sample."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """The same shape."""
        return functional.dropout(values, self.share, training=True)


class _Level(nn.Module):
    """One level of the U-Net: down, what lies below, up, and the skip around all of it."""

    def __init__(self, down: nn.Module, below: nn.Module | None, up: nn.Module) -> None:
        super().__init__()
        self.down, self.up = down, up
        self.below = below

    def forward(self, values: Tensor) -> Tensor:
        small = self.down(values)
        if self.below is not None:
            small = self.below(small)
        return torch.cat([values, self.up(small)], dim=1)


class Pix2PixModule(nn.Module):
    """U-Net of 4x4 convolutions with stride 2, ``depth`` levels, skips at each.

    Widths are w, 2w, 4w, 8w, 8w, ...; the first and the innermost convolution go without
    normalisation, and the three innermost levels drop out on their way up, as in the paper.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        width: int,
        depth: int,
        dropout: float,
        sampling: bool,
        norm: str,
    ) -> None:
        super().__init__()
        chosen: Any = _INSTANCE if norm == "instance" else "batch"
        widths = [width * min(2**level, 8) for level in range(depth)]

        def down(inside: int, outside: int, normed: bool, active: bool = True) -> nn.Module:
            convolution = Convolution(
                2, inside, outside, strides=2, kernel_size=4, padding=1, bias=not normed,
                norm=chosen if normed else None, act=None, conv_only=not normed,
            )  # fmt: skip
            return nn.Sequential(nn.LeakyReLU(0.2), convolution) if active else convolution

        def up(inside: int, outside: int, drop: bool) -> nn.Module:
            parts: list[nn.Module] = [
                nn.ReLU(),
                Convolution(
                    2, inside, outside, strides=2, kernel_size=4, padding=1, output_padding=0,
                    is_transposed=True, norm=chosen, act=None, bias=False,
                ),
            ]  # fmt: skip
            if drop and dropout > 0:
                parts.append(Sampling(dropout) if sampling else nn.Dropout(dropout))
            return nn.Sequential(*parts)

        inner: nn.Module | None = None
        for level in range(depth - 1, 0, -1):
            innermost = level == depth - 1
            inside = widths[level] * (1 if innermost else 2)
            inner = _Level(
                down(widths[level - 1], widths[level], normed=not innermost),
                inner,
                up(inside, widths[level - 1], drop=level >= max(depth - 4, 1) and not innermost),
            )
        self.first = down(channels, widths[0], normed=False, active=False)
        assert inner is not None
        self.inner = inner
        self.last = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], outputs, 4, stride=2, padding=1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h, w) in [0, 1]."""
        return _unit_range(self.last(self.inner(self.first(images))))


def _residual(width: int) -> nn.Module:
    unit: nn.Module = ResidualUnit(2, width, width, subunits=2, norm=_INSTANCE, act="relu")
    return unit


def _convolution(inside: int, outside: int, kernel: int, strides: int = 1) -> nn.Module:
    made: nn.Module = Convolution(
        2, inside, outside, strides=strides, kernel_size=kernel, norm=_INSTANCE, act="relu"
    )
    return made


def _doubled(inside: int, outside: int) -> nn.Module:
    made: nn.Module = Convolution(
        2, inside, outside, strides=2, kernel_size=3, padding=1, output_padding=1,
        is_transposed=True, norm=_INSTANCE, act="relu",
    )  # fmt: skip
    return made


class Pix2PixHDModule(nn.Module):
    """A residual generator at the coarsest scale, and enhancers that each double the scale.

    An enhancer takes the image at twice the scale, halves it by a convolution, adds the features
    of the generator below, and goes through residual blocks of its own.
    """

    def __init__(
        self,
        channels: int,
        outputs: int,
        width: int,
        downs: int,
        blocks: int,
        enhancers: int,
        enhancer_blocks: int,
    ) -> None:
        super().__init__()
        coarse = width * 2**enhancers
        parts = [_convolution(channels, coarse, 7)]
        parts += [_convolution(coarse * 2**i, coarse * 2 ** (i + 1), 3, 2) for i in range(downs)]
        parts += [_residual(coarse * 2**downs) for _ in range(blocks)]
        parts += [_doubled(coarse * 2 ** (i + 1), coarse * 2**i) for i in reversed(range(downs))]
        self.coarse = nn.Sequential(*parts)
        self.entries, self.exits = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(enhancers)):
            fine = width * 2**level
            self.entries.append(
                nn.Sequential(_convolution(channels, fine, 7), _convolution(fine, 2 * fine, 3, 2))
            )
            body = [_residual(2 * fine) for _ in range(enhancer_blocks)]
            self.exits.append(nn.Sequential(*body, _doubled(2 * fine, fine)))
        self.last = nn.Conv2d(width, outputs, 7, padding=3)

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h, w) in [0, 1]."""
        scales = [images]
        for _ in self.entries:
            scales.append(functional.avg_pool2d(scales[-1], 3, 2, 1, count_include_pad=False))
        features = self.coarse(scales.pop())
        for entry, leave in zip(self.entries, self.exits, strict=True):
            features = leave(features + entry(scales.pop()))
        return _unit_range(self.last(features))


class SpadeModule(nn.Module):
    """Residual blocks, coarse to fine, normalised by the label map at every scale."""

    def __init__(self, channels: int, outputs: int, width: int, ups: int, hidden: int) -> None:
        super().__init__()
        widths = [width * min(2 ** (ups - i), 16) for i in range(ups + 1)]
        self.ups = ups
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        pairs = [(widths[0], widths[0]), *itertools.pairwise(widths)]
        self.blocks = nn.ModuleList(
            SPADENetResBlock(2, inside, outside, channels, spade_intermediate_channels=hidden)
            for inside, outside in pairs
        )
        self.last = nn.Conv2d(widths[-1], outputs, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, c', h, w) in [0, 1]."""
        height, width = (side >> self.ups for side in images.shape[-2:])
        features = self.first(functional.interpolate(images, size=(height, width)))
        for i, block in enumerate(self.blocks):
            if i > 0:
                features = functional.interpolate(features, scale_factor=2.0)
            features = block(features, images)
        return _unit_range(self.last(functional.leaky_relu(features, 0.2)))
