"""Architectures and encoders of segmentation-models-pytorch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field

from pixleak.core.errors import InputError, require
from pixleak.core.registry import nearest
from pixleak.training.networks.base import Network

if TYPE_CHECKING:
    from torch import nn

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, images in [0, 1]


class SmpNetwork(Network):
    """An architecture of segmentation-models-pytorch over any of its encoders.

    Args:
        encoder: any encoder name of segmentation-models-pytorch: ``resnet34``,
            ``mobilenet_v2``, ``vgg11``, ``tu-convnext_tiny``, ...
        encoder_weights: None to start from random weights, a name such as ``imagenet`` that the
            package fetches, or a file with the encoder's state dict.
    """

    extra: ClassVar[str | None] = "smp"
    architecture: ClassVar[str]
    """The name of its class in segmentation-models-pytorch."""

    def __init_subclass__(cls, *, architecture: str = "", paper: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = f"smp-{architecture.lower()}"
        cls.summary = str(cls.__doc__).rstrip(".")
        cls.source = f"segmentation-models-pytorch; {paper}"
        cls.architecture = architecture

    encoder: Annotated[str, Field(min_length=1)] = "resnet34"
    encoder_weights: str | None = None

    @property
    def stride(self) -> int:
        return 32

    def blank(self) -> Self:
        return self.model_copy(update={"encoder_weights": None})

    def make(self, channels: int, outputs: int) -> nn.Module:
        smp = require("segmentation_models_pytorch", extra="smp", why=f"the network {self.name}")
        _check_encoder(smp, self.encoder)
        weights = self.encoder_weights
        from_file = weights is not None and Path(weights).suffix != ""
        build: Callable[..., Any] = partial(
            getattr(smp, self.architecture), encoder_name=self.encoder, classes=outputs
        )
        try:
            if weights is not None and from_file:
                module = build(encoder_weights=None, in_channels=3)
                _fill_encoder(module.encoder, Path(weights).expanduser(), self.encoder)
                if channels != 3:
                    module.encoder.set_in_channels(channels, pretrained=True)
            else:
                module = build(encoder_weights=weights, in_channels=channels)
        except InputError:
            raise
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
            cause = f"{type(error).__name__}: {reason}"
            if weights is not None:
                raise InputError(
                    f"the weights {weights!r} of encoder {self.encoder!r} could not be obtained "
                    f"({cause}); give a file that holds them as encoder_weights, or leave "
                    "encoder_weights out to start from random weights"
                ) from error
            raise InputError(
                f"segmentation-models-pytorch cannot build {self.architecture} with encoder "
                f"{self.encoder!r} ({cause})"
            ) from error
        if channels != 3:
            return module  # type: ignore[no-any-return]
        from pixleak.training.networks.standardising import Standardised

        return Standardised(module, _MEAN, _STD)


def _check_encoder(smp: ModuleType, encoder: str) -> None:
    known = smp.encoders.get_encoder_names()
    # Names of timm's encoders are many and change: timm itself judges them.
    if encoder not in known and not encoder.startswith(("tu-", "timm-")):
        raise InputError(
            f"segmentation-models-pytorch has no encoder {encoder!r}{nearest(encoder, known)}"
        )


def _fill_encoder(encoder: nn.Module, path: Path, name: str) -> None:
    from pixleak.targets.load import read_state
    from pixleak.targets.state_dict import load_state

    state = read_state(path)
    # ImageNet checkpoints carry the classifier that the encoder lacks.
    state = {k: v for k, v in state.items() if not k.startswith(("fc.", "classifier."))}
    load_state(encoder, state, str(path), f"encoder {name!r}")


class SmpUnet(SmpNetwork, architecture="Unet", paper="Ronneberger et al. 2015"):
    """U-Net over any encoder."""


class SmpUnetPlusPlus(SmpNetwork, architecture="UnetPlusPlus", paper="Zhou et al. 2018"):
    """U-Net++ over any encoder."""


class SmpFpn(SmpNetwork, architecture="FPN", paper="Kirillov et al. 2017"):
    """Feature pyramid over any encoder."""


class SmpDeepLabV3Plus(SmpNetwork, architecture="DeepLabV3Plus", paper="Chen et al. 2018"):
    """DeepLabV3+ over any encoder."""


class SmpLinknet(SmpNetwork, architecture="Linknet", paper="Chaurasia et al. 2017"):
    """LinkNet over any encoder."""


class SmpManet(SmpNetwork, architecture="MAnet", paper="Fan et al. 2020"):
    """MA-Net over any encoder."""


class SmpUperNet(SmpNetwork, architecture="UPerNet", paper="Xiao et al. 2018"):
    """UPerNet over any encoder."""


class SmpSegformer(SmpNetwork, architecture="Segformer", paper="Xie et al. 2021"):
    """SegFormer's decoder over any encoder."""


SMP_NETWORKS: tuple[type[SmpNetwork], ...] = (
    SmpUnet,
    SmpUnetPlusPlus,
    SmpFpn,
    SmpDeepLabV3Plus,
    SmpLinknet,
    SmpManet,
    SmpUperNet,
    SmpSegformer,
)
