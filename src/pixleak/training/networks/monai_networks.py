"""Convolutional networks from MONAI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from pixleak.training.networks.base import Network, Options

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(gt=0)]


class UNetOptions(Options):
    """Options of ``unet``."""

    widths: Annotated[tuple[Width, ...], Field(min_length=2)] = (16, 32, 64, 128)
    norm: Literal["instance", "batch"] = "instance"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class BasicUNetOptions(Options):
    """Options of ``basic-unet``."""

    widths: tuple[Width, Width, Width, Width, Width, Width] = (16, 16, 32, 64, 128, 16)
    norm: Literal["instance", "batch"] = "instance"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class AttentionUNetOptions(Options):
    """Options of ``attention-unet``."""

    widths: Annotated[tuple[Width, ...], Field(min_length=2)] = (16, 32, 64, 128)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class SegResNetOptions(Options):
    """Options of ``segresnet``."""

    width: Annotated[int, Field(gt=0, multiple_of=8)] = 8
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


def _norm(name: str) -> Any:
    return ("instance", {"affine": True}) if name == "instance" else name


def _unet(channels: int, outputs: int, options: UNetOptions) -> nn.Module:
    from monai.networks.nets.unet import UNet

    module: nn.Module = UNet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=outputs,
        channels=options.widths,
        strides=(2,) * (len(options.widths) - 1),
        norm=_norm(options.norm),
        dropout=options.dropout,
    )
    return module


def _basic_unet(channels: int, outputs: int, options: BasicUNetOptions) -> nn.Module:
    from monai.networks.nets.basic_unet import BasicUNet

    module: nn.Module = BasicUNet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=outputs,
        features=options.widths,
        norm=_norm(options.norm),
        dropout=options.dropout,
    )
    return module


def _attention_unet(channels: int, outputs: int, options: AttentionUNetOptions) -> nn.Module:
    from monai.networks.nets.attentionunet import AttentionUnet

    module: nn.Module = AttentionUnet(
        spatial_dims=2,
        in_channels=channels,
        out_channels=outputs,
        channels=options.widths,
        strides=(2,) * (len(options.widths) - 1),
        dropout=options.dropout,
    )
    return module


def _segresnet(channels: int, outputs: int, options: SegResNetOptions) -> nn.Module:
    from monai.networks.nets.segresnet import SegResNet

    module: nn.Module = SegResNet(
        spatial_dims=2,
        init_filters=options.width,
        in_channels=channels,
        out_channels=outputs,
        dropout_prob=options.dropout or None,
    )
    return module


def _strided(options: UNetOptions | AttentionUNetOptions) -> int:
    stride: int = 2 ** (len(options.widths) - 1)
    return stride


NETWORKS = (
    Network(
        name="unet",
        summary="MONAI's U-Net with strided convolutions: small, and the fastest on a CPU",
        source="MONAI; Kerfoot et al. 2018",
        options=UNetOptions,
        make=_unet,
        stride=_strided,
        least=2,  # instance normalisation needs more than one pixel at the bottom
    ),
    Network(
        name="basic-unet",
        summary="MONAI's U-Net with max-pooling and two convolutions a level",
        source="MONAI; Ronneberger et al. 2015, Falk et al. 2019",
        options=BasicUNetOptions,
        make=_basic_unet,
        stride=lambda options: 16,
        least=2,
    ),
    Network(
        name="attention-unet",
        summary="U-Net whose skip connections pass an attention gate",
        source="MONAI; Oktay et al. 2018, arXiv:1804.03999",
        options=AttentionUNetOptions,
        make=_attention_unet,
        stride=_strided,
        least=2,
    ),
    Network(
        name="segresnet",
        summary="residual encoder with group normalisation and a light decoder",
        source="MONAI; Myronenko 2018, arXiv:1810.11654",
        options=SegResNetOptions,
        make=_segresnet,
        stride=lambda options: 8,
    ),
)
