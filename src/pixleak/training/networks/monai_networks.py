"""Convolutional networks from MONAI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from pixleak.training.networks.base import Network

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(gt=0)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Norm = Literal["instance", "batch"]


class UNet(Network):
    """A U-Net that halves the resolution by strided convolutions, once per further width."""

    name: ClassVar[str] = "unet"
    summary: ClassVar[str] = (
        "MONAI's U-Net with strided convolutions: small, and the fastest on a CPU"
    )
    source: ClassVar[str] = "MONAI; Kerfoot et al. 2018"
    least: ClassVar[int] = 2  # instance normalisation needs more than one pixel at the bottom

    widths: Annotated[tuple[Width, ...], Field(min_length=2)] = (16, 32, 64, 128)
    norm: Norm = "instance"
    dropout: Dropout = 0.0

    @property
    def stride(self) -> int:
        return _stride(self.widths)

    def make(self, channels: int, outputs: int) -> nn.Module:
        from monai.networks.nets.unet import UNet as MonaiUNet

        module: nn.Module = MonaiUNet(
            spatial_dims=2,
            in_channels=channels,
            out_channels=outputs,
            channels=self.widths,
            strides=(2,) * (len(self.widths) - 1),
            norm=_norm(self.norm),
            dropout=self.dropout,
        )
        return module


class BasicUNet(Network):
    """A U-Net of four max-poolings; the last width is that of the output block."""

    name: ClassVar[str] = "basic-unet"
    summary: ClassVar[str] = "MONAI's U-Net with max-pooling and two convolutions per level"
    source: ClassVar[str] = "MONAI; Ronneberger et al. 2015, Falk et al. 2019"
    least: ClassVar[int] = 2

    widths: tuple[Width, Width, Width, Width, Width, Width] = (16, 16, 32, 64, 128, 16)
    norm: Norm = "instance"
    dropout: Dropout = 0.0

    @property
    def stride(self) -> int:
        return 16

    def make(self, channels: int, outputs: int) -> nn.Module:
        from monai.networks.nets.basic_unet import BasicUNet as MonaiBasicUNet

        module: nn.Module = MonaiBasicUNet(
            spatial_dims=2,
            in_channels=channels,
            out_channels=outputs,
            features=self.widths,
            norm=_norm(self.norm),
            dropout=self.dropout,
        )
        return module


class AttentionUNet(Network):
    """A U-Net with an attention gate in every skip connection."""

    name: ClassVar[str] = "attention-unet"
    summary: ClassVar[str] = "U-Net whose skip connections pass an attention gate"
    source: ClassVar[str] = "MONAI; Oktay et al. 2018, arXiv:1804.03999"
    least: ClassVar[int] = 2

    widths: Annotated[tuple[Width, ...], Field(min_length=2)] = (16, 32, 64, 128)
    dropout: Dropout = 0.0

    @property
    def stride(self) -> int:
        return _stride(self.widths)

    def make(self, channels: int, outputs: int) -> nn.Module:
        from monai.networks.nets.attentionunet import AttentionUnet

        module: nn.Module = AttentionUnet(
            spatial_dims=2,
            in_channels=channels,
            out_channels=outputs,
            channels=self.widths,
            strides=(2,) * (len(self.widths) - 1),
            dropout=self.dropout,
        )
        return module


class SegResNet(Network):
    """A residual encoder with a light decoder."""

    name: ClassVar[str] = "segresnet"
    summary: ClassVar[str] = "residual encoder with group normalisation and a light decoder"
    source: ClassVar[str] = "MONAI; Myronenko 2018, arXiv:1810.11654"

    width: Annotated[int, Field(gt=0, multiple_of=8)] = 8
    dropout: Dropout = 0.0

    @property
    def stride(self) -> int:
        return 8

    def make(self, channels: int, outputs: int) -> nn.Module:
        from monai.networks.nets.segresnet import SegResNet as MonaiSegResNet

        module: nn.Module = MonaiSegResNet(
            spatial_dims=2,
            init_filters=self.width,
            in_channels=channels,
            out_channels=outputs,
            dropout_prob=self.dropout or None,
        )
        return module


def _norm(name: Norm) -> Any:
    return ("instance", {"affine": True}) if name == "instance" else name


def _stride(widths: tuple[int, ...]) -> int:
    stride: int = 2 ** (len(widths) - 1)
    return stride
