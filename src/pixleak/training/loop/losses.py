"""Training losses, one number per image.

Every loss returns (b,), never a mean over the batch: a record's loss must not depend on the other
records of its batch, neither in an audit nor where gradients are clipped record by record.

Networks answer with K channels for K classes (two for a binary problem), read by a softmax::

    ce_i   = mean over valid pixels j of -log p_ij(y_ij)                          [nat/pixel]
    dice_i = mean over the classes c present in y_i of
             1 - (2 sum_j p_ij(c) [y_ij = c] + s) / (sum_j p_ij(c) + sum_j [y_ij = c] + s)

Valid pixels are those whose label is not the ignored one. A class that is absent from an image has
no Dice of its own (it would be 0/0), but pixels wrongly assigned to it lower the others'.

Source:
    Milletari, Navab, Ahmadi, "V-Net", 3DV 2016, arXiv:1606.04797.

Differs from the source:
    V-Net squares the probabilities in the denominator. MONAI's ``DiceLoss`` equals this one
    where every class is present; it counts absent classes, ignores pixels only since 1.6, and
    takes five seconds to import in each training process.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from pixleak.core.truth import LabelTruth

Loss = Callable[[Tensor, Tensor, LabelTruth], Tensor]
"""(logits (b, K, h, w), truths (b, h, w) int64, truth) -> (b,)."""

PixelLoss = Callable[[Tensor, Tensor], Tensor]
"""(images (b, c, h, w), true images of the same shape) -> (b,)."""

SMOOTH = 1e-5


def cross_entropy(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """Mean cross-entropy over each image's valid pixels, nat/pixel.

    Args:
        logits: (b, K, h, w).
        truths: (b, h, w) int64.
        truth: classes and ignored label.

    Returns:
        (b,); 0 for an image without valid pixels.
    """
    ignore = -100 if truth.ignore is None else truth.ignore
    losses = functional.cross_entropy(logits, truths, ignore_index=ignore, reduction="none")
    valid = valid_pixels(truths, truth).flatten(1).sum(dim=1)
    return losses.flatten(1).sum(dim=1) / valid.clamp(min=1)


def dice_loss(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """Soft Dice loss, mean over the classes present in each image, in [0, 1].

    Args:
        logits: (b, K, h, w).
        truths: (b, h, w) int64.
        truth: classes and ignored label.

    Returns:
        (b,); 0 for an image without valid pixels.
    """
    valid = valid_pixels(truths, truth)
    labels = functional.one_hot(truths.where(valid, 0), truth.classes).movedim(-1, 1)
    held = (labels * valid[:, None]).to(logits.dtype).flatten(2)  # (b, K, pixels)
    p = logits.softmax(dim=1).flatten(2) * valid.flatten(1)[:, None]
    size = held.sum(dim=2)  # (b, K)
    overlap = 2 * (p * held).sum(dim=2)
    losses = 1 - (overlap + SMOOTH) / (p.sum(dim=2) + size + SMOOTH)
    present = size > 0
    return (losses * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)


def dice_and_cross_entropy(logits: Tensor, truths: Tensor, truth: LabelTruth) -> Tensor:
    """Sum of both losses, (b,)."""
    return dice_loss(logits, truths, truth) + cross_entropy(logits, truths, truth)


def absolute_error(images: Tensor, truths: Tensor) -> Tensor:
    """Mean absolute error of each image, (b,)."""
    return (images - truths).abs().flatten(1).mean(dim=1)


def squared_error(images: Tensor, truths: Tensor) -> Tensor:
    """Mean squared error of each image, (b,)."""
    return (images - truths).square().flatten(1).mean(dim=1)


PIXEL: dict[str, PixelLoss] = {"l1": absolute_error, "l2": squared_error}

LOSSES: dict[str, Loss] = {
    "dice": dice_loss,
    "ce": cross_entropy,
    "dice+ce": dice_and_cross_entropy,
}


def valid_pixels(truths: Tensor, truth: LabelTruth) -> Tensor:
    """(b, h, w) bool."""
    return truths == truths if truth.ignore is None else truths != truth.ignore
