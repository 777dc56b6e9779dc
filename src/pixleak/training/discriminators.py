"""Patch discriminators of (input, output), at one scale or several, and the adversarial losses.

The building block is MONAI's patch discriminator. Its multi-scale discriminator and its adversarial
losses differ from the papers' (deeper networks on the full image rather than the same network on
smaller images; a tanh or a leaky ReLU before the hinge and the squares), so these are written here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn
from torch.nn import functional

from pixleak.core.errors import InputError
from pixleak.training.adversary import Adversary, Objective

Answers = list[list[Tensor]]
"""One list per scale: inner features, and last the (b, 1, h', w') logits of "real"."""

METADATA = "discriminator"


class Discriminator(nn.Module):
    """Tells, patch by patch, whether an output is real, given the input.

    Args:
        adversary: how many scales, layers, channels.
        channels: of the input.
        outputs: channels of the output.
        size: (h, w) of both.

    Raises:
        InputError: the image is too small for so many scales and layers.
    """

    def __init__(
        self, adversary: Adversary, channels: int, outputs: int, size: tuple[int, int]
    ) -> None:
        super().__init__()
        smallest = min(size) >> (adversary.scales - 1)
        # Halved by all but one of 1 + layers convolutions, then two of 4 x 4 at stride one.
        if (smallest >> adversary.layers) < 4:
            raise InputError(
                f"images of {size[0]} x {size[1]} are too small for a discriminator of "
                f"{adversary.layers} layers at {adversary.scales} scales: set fewer adversary."
                "scales or adversary.layers, or use larger images"
            )
        self.scales = nn.ModuleList(
            PatchDiscriminator(
                spatial_dims=2,
                channels=adversary.width,
                in_channels=channels + outputs,
                num_layers_d=adversary.layers,
                norm=("instance", {"affine": True}),
            )
            for _ in range(adversary.scales)
        )
        if adversary.spectral_norm:
            for part in [m for m in self.modules() if isinstance(m, nn.Conv2d)]:
                nn.utils.parametrizations.spectral_norm(part)

    def forward(self, inputs: Tensor, outputs: Tensor) -> Answers:
        """(b, c, h, w) and (b, c', h, w) -> answers."""
        pair = torch.cat([inputs, outputs], dim=1)
        answers = []
        for i, scale in enumerate(self.scales):
            if i > 0:
                pair = functional.avg_pool2d(pair, 3, 2, 1, count_include_pad=False)
            answers.append(scale(pair))
        return answers


def against_real_and_made(objective: Objective, real: Answers, made: Answers) -> Tensor:
    """The discriminator's loss, mean over both kinds, patches and scales."""
    losses = []
    for one, other in zip(real, made, strict=True):
        yes, no = one[-1], other[-1]
        if objective == "hinge":
            losses.append((functional.relu(1 - yes).mean() + functional.relu(1 + no).mean()) / 2)
        else:
            losses.append((_logit_loss(objective, yes, 1.0) + _logit_loss(objective, no, 0.0)) / 2)
    return torch.stack(losses).mean()


def against_judge(objective: Objective, made: Answers) -> Tensor:
    """The generator's adversarial loss."""
    if objective == "hinge":
        return torch.stack([-one[-1].mean() for one in made]).mean()
    return torch.stack([_logit_loss(objective, one[-1], 1.0) for one in made]).mean()


def feature_distance(real: Answers, made: Answers) -> Tensor:
    """Mean absolute difference of the inner features, mean over layers and scales."""
    pairs = [
        functional.l1_loss(b, a.detach())
        for one, other in zip(real, made, strict=True)
        for a, b in zip(one[:-1], other[:-1], strict=True)
    ]
    return torch.stack(pairs).mean()


def _logit_loss(objective: Objective, logits: Tensor, answer: float) -> Tensor:
    wanted = torch.full_like(logits, answer)
    if objective == "bce":
        return functional.binary_cross_entropy_with_logits(logits, wanted)
    return functional.mse_loss(logits, wanted)


def describe(
    adversary: Adversary, channels: int, outputs: int, size: tuple[int, int]
) -> dict[str, str]:
    """The safetensors metadata that :func:`load_discriminator` needs."""
    described = {
        "adversary": adversary.model_dump(mode="json"),
        "channels": channels,
        "outputs": outputs,
        "size": list(size),
    }
    return {METADATA: json.dumps(described)}


def load_discriminator(path: Path) -> Discriminator:
    """The discriminator that a training left, in evaluation mode.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    from pixleak.training.checkpoint import load_weights, read_metadata

    metadata = read_metadata(path)
    if METADATA not in metadata:
        raise InputError(f"{path} holds no discriminator; it was not written by pixleak")
    known: dict[str, Any] = json.loads(metadata[METADATA])
    height, width = known["size"]
    module = Discriminator(
        Adversary(**known["adversary"]), known["channels"], known["outputs"], (height, width)
    )
    load_weights(module, path)
    return module.eval()
