"""Agreement of the labels under transforms of the image that can be undone.

Idea: on a record it was trained on, a model is right also when the image is mirrored or shifted,
and its answers to all versions agree; on other records they vary. With P_T the prediction on the
transformed image, mapped back::

    P_T                    = T^-1 labels(T x)
    mirror-dice            = mean over T of Dice(Y, P_T):  none, left-right, up-down, both
    shift-dice             = mean over T of Dice(Y, P_T):  none, s pixels to each of the four sides
    transform-consistency  = mean over all T but none of Dice(P_none, P_T)

The first two over foreground classes of the truth Y; the last over all classes of either
prediction, background included, so that two empty ones agree. A shifted image repeats its edge; the
rows or columns that were shifted out count nowhere. A transform under which a record has no
foreground is left out of its mean; without any foreground, the first two are not measured.

Mirrors are most informative where the target was trained on mirrored images, shifts of one pixel
where it was not: an image far from all training images is as unfamiliar for members as for others.
With ``turns``, quarter turns and diagonal mirrors of square images are added to the mirrors.

Source:
    Choquette-Choo, Tramer, Carlini, Papernot, "Label-Only Membership Inference Attacks", ICML 2021,
    arXiv:2007.14321 (the augmentation attack).

Differs from the source:
    Theirs counts which of N augmentations are classified rightly, and learns from the vector of
    N bits; here one map gives a Dice, and the mean is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo
from pixleak.core.truth import LabelTruth
from pixleak.signals.base import Columns, Signal
from pixleak.signals.label_only.dice_of_labels import every_dice, foreground_dice, joint_counts
from pixleak.signals.pixels.labels import Pixels


@dataclass(frozen=True, eq=False)
class Transform:
    """One way to change images, and to map predictions back.

    Args:
        forth: (..., h, w) -> (..., h, w).
        back: the reverse, where ``kept``.
        kept: (h, w) bool: pixels that are still there after going forth.
        shifted: whether it moves the image, rather than mirroring it.
    """

    forth: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    kept: Tensor
    shifted: bool = False


def transforms(height: int, width: int, shift: int, *, turns: bool = False) -> Iterator[Transform]:
    """All but the identity."""
    whole = torch.ones(height, width, dtype=torch.bool)
    for quarters in range(4) if turns and height == width else (0, 2):
        for mirror in (False, True):
            if quarters or mirror:
                yield Transform(_Turned(quarters, mirror), _Back(quarters, mirror), whole)
    for down, right in ((shift, 0), (-shift, 0), (0, shift), (0, -shift)):
        forth, back = _Shifted(down, right), _Shifted(-down, -right)
        rows, columns = torch.arange(height) + down, torch.arange(width) + right
        inside = ((rows >= 0) & (rows < height))[:, None] & (columns >= 0) & (columns < width)
        yield Transform(forth, back, inside, shifted=True)


@dataclass(frozen=True)
class _Turned:
    turns: int
    mirror: bool

    def __call__(self, maps: Tensor) -> Tensor:
        return torch.rot90(maps.flip(-1) if self.mirror else maps, self.turns, (-2, -1))


@dataclass(frozen=True)
class _Back:
    turns: int
    mirror: bool

    def __call__(self, maps: Tensor) -> Tensor:
        turned = torch.rot90(maps, -self.turns, (-2, -1))
        return turned.flip(-1) if self.mirror else turned


@dataclass(frozen=True)
class _Shifted:
    down: int
    right: int

    def __call__(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[-2:]
        rows = (torch.arange(height) - self.down).clamp(0, height - 1)
        columns = (torch.arange(width) - self.right).clamp(0, width - 1)
        return maps[..., rows, :][..., columns]


@dataclass(frozen=True, kw_only=True)
class TransformAgreement(Signal):
    """Three columns: ``mirror-dice``, ``shift-dice`` and ``transform-consistency``.

    Args:
        shift: pixels that images are moved by.
        turns: whether square images are rotated as well.
    """

    optional: ClassVar[bool] = True
    usual_at: ClassVar = (Access.LABEL,)

    shift: int = 1
    turns: bool = False

    def __post_init__(self) -> None:
        if self.shift < 1:
            raise InputError(f"{self.name}: shift must be at least 1 pixel, got {self.shift}")

    @property
    def info(self) -> SignalInfo:
        return SignalInfo(
            name="transform-agreement",
            title="agreement under transforms",
            unit="1",
            members_are="higher",
            access=Access.LABEL,
            summary="Dice of labels under mirrors and shifts of the image (three columns)",
            source="Choquette-Choo 2021, arXiv:2007.14321",
            queries=12 if self.turns else 8,
        )

    @property
    def name(self) -> str:
        return "transform-agreement"

    def infos(self, truth: LabelTruth) -> tuple[SignalInfo, ...]:
        mirrors = "mirrors and turns" if self.turns else "mirrors"
        return (
            replace(
                self.info,
                name="mirror-dice",
                title=f"Dice under {mirrors}",
                summary=f"mean Dice of labels with the truth under {mirrors} of the image",
            ),
            replace(
                self.info,
                name="shift-dice",
                title="Dice under shifts",
                summary="mean Dice of labels with the truth under small shifts of the image",
            ),
            replace(
                self.info,
                name="transform-consistency",
                title="consistency under transforms",
                needs_truth=False,
                summary=f"mean Dice of labels with those under {mirrors} and shifts of the image",
            ),
        )

    def measure(self, pixels: Pixels) -> Columns:
        kind, images, plain = pixels.truth_kind, pixels.asked_about, pixels.predicted_labels
        b, h, w = plain.shape
        everywhere = torch.ones(b, h, w, dtype=torch.bool)
        valid = everywhere if pixels.valid is None else pixels.valid
        sums, counts = np.zeros((b, 3)), np.zeros((b, 3), dtype=np.int64)

        def add(column: int, first: Tensor, second: Tensor, kept: Tensor) -> None:
            found = joint_counts(first, second, kept, kind.classes)
            values, measured = every_dice(found) if column == 2 else foreground_dice(found, kind)
            sums[:, column] += np.where(measured, values, 0.0)
            counts[:, column] += measured

        for column in (0, 1):
            add(column, pixels.labels, plain, valid)
        for transform in transforms(h, w, self.shift, turns=self.turns):
            labels = transform.back(pixels.labels_on(transform.forth(images)))
            kept = valid & transform.kept
            add(int(transform.shifted), pixels.labels, labels, kept)
            add(2, plain, labels, kept)
        return Columns.means(sums, counts)
