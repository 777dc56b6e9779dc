"""Generators that turn one image into another: pix2pix, pix2pixHD, SPADE.

All answer in [0, 1] (the papers' tanh, shifted and scaled) and scale with their options, from
64 x 64 on a CPU to the papers' sizes. They consist of MONAI's convolution, residual and SPADE
blocks.

Source:
    Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks",
    CVPR 2017, arXiv:1611.07004; Wang et al., "High-Resolution Image Synthesis and Semantic
    Manipulation with Conditional GANs", CVPR 2018, arXiv:1711.11585; Park, Liu, Wang, Zhu,
    "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019, arXiv:1903.07291.

Differs from the source:
    Borders are padded with zeros rather than by reflection. The local enhancers of pix2pixHD are
    trained together with the global generator from the start, not after it. SPADE starts from the
    resized label map and takes no style code. Normalisation is by instance throughout, so that
    neither an answer nor a record's gradient depends on the other records of the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pixleak.training.networks.base import Network

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(ge=4)]


class GeneratorNetwork(Network):
    """What the generators have in common: their fields are the arguments of their module."""

    kind: ClassVar[Literal["any", "images"]] = "images"


class Pix2Pix(GeneratorNetwork):
    """A U-Net that halves the resolution ``depth`` times."""

    name: ClassVar[str] = "pix2pix"
    summary: ClassVar[str] = "generator: U-Net of 4x4 convolutions down to the bottleneck"
    source: ClassVar[str] = "Isola 2017, arXiv:1611.07004"

    width: Width = 64
    depth: Annotated[int, Field(ge=3, le=9)] = 6
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    sampling: bool = False
    norm: Literal["instance", "batch"] = "instance"

    @property
    def stride(self) -> int:
        return 1 << self.depth

    def make(self, channels: int, outputs: int) -> nn.Module:
        from pixleak.training.networks.generator_modules import Pix2PixModule

        return Pix2PixModule(channels, outputs, **self.model_dump())


class Pix2PixHD(GeneratorNetwork):
    """A coarse residual generator and local enhancers."""

    name: ClassVar[str] = "pix2pixhd"
    summary: ClassVar[str] = "generator: residual, coarse to fine with local enhancers"
    source: ClassVar[str] = "Wang 2018, arXiv:1711.11585"
    least: ClassVar[int] = 2

    width: Width = 64
    downs: Annotated[int, Field(ge=1, le=5)] = 3
    blocks: Annotated[int, Field(ge=1, le=12)] = 9
    enhancers: Annotated[int, Field(ge=0, le=2)] = 1
    enhancer_blocks: Annotated[int, Field(ge=1, le=6)] = 3

    @property
    def stride(self) -> int:
        return 1 << (self.downs + self.enhancers)

    def make(self, channels: int, outputs: int) -> nn.Module:
        from pixleak.training.networks.generator_modules import Pix2PixHDModule

        return Pix2PixHDModule(channels, outputs, **self.model_dump())


class Spade(GeneratorNetwork):
    """Residual blocks normalised by the label map, from coarse to fine."""

    name: ClassVar[str] = "spade"
    summary: ClassVar[str] = "generator: residual blocks normalised by the label map at every scale"
    source: ClassVar[str] = "Park 2019, arXiv:1903.07291"
    least: ClassVar[int] = 2

    width: Width = 64
    ups: Annotated[int, Field(ge=2, le=7)] = 4
    hidden: Width = 128

    @property
    def stride(self) -> int:
        return 1 << self.ups

    def make(self, channels: int, outputs: int) -> nn.Module:
        from pixleak.training.networks.generator_modules import SpadeModule

        return SpadeModule(channels, outputs, **self.model_dump())
