"""Random changes of training batches."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Generator, Tensor

Augment = Literal["none", "hflip", "flips", "flips+intensity"]


def augmented(
    images: Tensor, truths: Tensor, kind: Augment, generator: Generator
) -> tuple[Tensor, Tensor]:
    """A randomly changed copy of a batch; every image is changed independently.

    Args:
        images: (b, c, h, w) float32.
        truths: (b, h, w) or (b, c', h, w).
        kind: ``hflip`` mirrors left and right, each with probability one half; ``flips`` also up
            and down; ``flips+intensity`` also scales the contrast about the image's mean by
            0.8..1.2 and shifts its brightness by up to 0.2 of its standard deviation.
        generator: on the CPU.

    Returns:
        Images and truths of the same shapes.
    """
    if kind == "none":
        return images, truths
    images, truths = _flipped(images, truths, -1, generator)
    if kind == "hflip":
        return images, truths
    images, truths = _flipped(images, truths, -2, generator)
    if kind == "flips+intensity":
        images = _intensity(images, generator)
    return images, truths


def _flipped(
    images: Tensor, truths: Tensor, axis: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    chosen = torch.rand(len(images), generator=generator) < 0.5
    images, truths = images.clone(), truths.clone()
    images[chosen] = images[chosen].flip(axis)
    truths[chosen] = truths[chosen].flip(axis)
    return images, truths


def _intensity(images: Tensor, generator: Generator) -> Tensor:
    # In units of the image itself, since not every reader scales to [0, 1].
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    std = images.std(dim=(1, 2, 3), keepdim=True)
    drawn = torch.rand(2, len(images), 1, 1, 1, generator=generator)
    contrast, shift = 0.8 + 0.4 * drawn[0], 0.4 * drawn[1] - 0.2
    return mean + contrast * (images - mean) + shift * std
