"""Learned perceptual distance (LPIPS) of output and truth.

Idea: distances of deep features agree with human judgement; an output may differ in colour and
still be the remembered image. Needs the extra ``lpips``, whose backbone's weights torchvision
downloads at first use; grey images are repeated to three channels.

Source:
    Zhang, Isola, Efros, Shechtman, Wang, "The Unreasonable Effectiveness of Deep Features as a
    Perceptual Metric", CVPR 2018, arXiv:1801.03924 (by the authors' package).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError, require
from pixleak.core.tables import SignalInfo
from pixleak.signals.base import Columns
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.pixels.images import ImagePixels

if TYPE_CHECKING:
    from torch import Tensor

Backbone = Literal["alex", "vgg", "squeeze"]


@dataclass(frozen=True, kw_only=True)
class Lpips(ImageSignal):
    """LPIPS.

    Args:
        backbone: ``"alex"``, ``"vgg"`` or ``"squeeze"``.
        pretrained: False takes a random backbone, which needs no download and gives a weaker
            distance.
    """

    info: ClassVar[SignalInfo] = SignalInfo(
        name="lpips",
        title="perceptual error (LPIPS)",
        unit="1",
        members_are="lower",
        access=Access.IMAGE,
        summary="learned perceptual distance of output and true image; needs the extra lpips",
        source="Zhang 2018, arXiv:1801.03924",
    )
    optional: ClassVar[bool] = True

    backbone: Backbone = "alex"
    pretrained: bool = True

    def prepare(self) -> None:
        _network(self.backbone, self.pretrained)

    def measure(self, pixels: ImagePixels) -> Columns:
        network = _network(self.backbone, self.pretrained)
        kind = pixels.truth_kind

        def scaled(images: Tensor) -> Tensor:
            wide = images if images.shape[1] == 3 else images.expand(-1, 3, -1, -1)
            return (wide - kind.low) / pixels.span * 2 - 1

        if kind.channels not in (1, 3):
            raise InputError(f"lpips compares images of 1 or 3 channels, got {kind.channels}")
        with torch.no_grad():
            distance = network(scaled(pixels.prediction.values), scaled(pixels.truths))
        return Columns.single(distance.flatten(1).double().mean(dim=1).numpy())


@cache
def _network(backbone: Backbone, pretrained: bool) -> Any:
    lpips: Any = require("lpips", extra="lpips", why="the signal lpips")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchvision, about how lpips calls it
        torch.manual_seed(0)
        try:
            network = lpips.LPIPS(net=backbone, pnet_rand=not pretrained, verbose=False)
        except OSError as error:
            raise InputError(
                f"the weights of {backbone}, which lpips needs, cannot be downloaded "
                f"({type(error).__name__}); put them into torch's hub folder, or set "
                "pretrained: false"
            ) from error
    return network.eval()
