"""Generators that turn one image into another: pix2pix, pix2pixHD, SPADE.

All answer in [0, 1] (the papers' tanh, moved and scaled) and scale with their options, from
64 x 64 on a CPU to the papers' sizes. They are put together from MONAI's convolution, residual and
SPADE blocks.

Source:
    Isola, Zhu, Zhou, Efros, "Image-to-Image Translation with Conditional Adversarial Networks",
    CVPR 2017, arXiv:1611.07004; Wang et al., "High-Resolution Image Synthesis and Semantic
    Manipulation with Conditional GANs", CVPR 2018, arXiv:1711.11585; Park, Liu, Wang, Zhu,
    "Semantic Image Synthesis with Spatially-Adaptive Normalization", CVPR 2019, arXiv:1903.07291.

Differs from the source:
    Borders are padded with zeros rather than by reflection. The local enhancers of pix2pixHD are
    trained together with the global generator from the start, not after it. SPADE starts from the
    resized label map and takes no style code. Instance normalisation throughout, so that an answer
    does not depend on the batch it is asked in, nor a training step on a record's neighbours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from pixleak.training.networks.base import Network, Options

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(ge=4)]


class Pix2PixOptions(Options):
    """Options of ``pix2pix``."""

    width: Width = 64
    depth: Annotated[int, Field(ge=3, le=9)] = 6
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    sampling: bool = False
    norm: Literal["instance", "batch"] = "instance"


class Pix2PixHDOptions(Options):
    """Options of ``pix2pixhd``."""

    width: Width = 64
    downs: Annotated[int, Field(ge=1, le=5)] = 3
    blocks: Annotated[int, Field(ge=1, le=12)] = 9
    enhancers: Annotated[int, Field(ge=0, le=2)] = 1
    enhancer_blocks: Annotated[int, Field(ge=1, le=6)] = 3


class SpadeOptions(Options):
    """Options of ``spade``."""

    width: Width = 64
    ups: Annotated[int, Field(ge=2, le=7)] = 4
    hidden: Width = 128


def _pix2pix(channels: int, outputs: int, options: Pix2PixOptions) -> nn.Module:
    from pixleak.training.networks.generator_modules import Pix2Pix

    return Pix2Pix(channels, outputs, **options.model_dump())


def _pix2pixhd(channels: int, outputs: int, options: Pix2PixHDOptions) -> nn.Module:
    from pixleak.training.networks.generator_modules import Pix2PixHD

    return Pix2PixHD(channels, outputs, **options.model_dump())


def _spade(channels: int, outputs: int, options: SpadeOptions) -> nn.Module:
    from pixleak.training.networks.generator_modules import Spade

    return Spade(channels, outputs, **options.model_dump())


def _stride(exponent: Any) -> Any:
    return lambda options: 2 ** exponent(options)


NETWORKS = (
    Network(
        name="pix2pix",
        summary="generator: U-Net of 4x4 convolutions down to the bottleneck",
        source="Isola 2017, arXiv:1611.07004",
        options=Pix2PixOptions,
        make=_pix2pix,
        stride=_stride(lambda options: options.depth),
        kind="images",
    ),
    Network(
        name="pix2pixhd",
        summary="generator: residual, coarse to fine with local enhancers",
        source="Wang 2018, arXiv:1711.11585",
        options=Pix2PixHDOptions,
        make=_pix2pixhd,
        stride=_stride(lambda options: options.downs + options.enhancers),
        least=2,
        kind="images",
    ),
    Network(
        name="spade",
        summary="generator: residual blocks normalised by the label map at every scale",
        source="Park 2019, arXiv:1903.07291",
        options=SpadeOptions,
        make=_spade,
        stride=_stride(lambda options: options.ups),
        least=2,
        kind="images",
    ),
)
