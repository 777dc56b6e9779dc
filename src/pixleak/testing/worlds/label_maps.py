"""A world of segmenters whose answers can be worked out by hand: the image is the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import Bools
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.targets.base import Target


class EchoTarget(Target):
    """Answers with the image itself: a record's image holds the logits it will be given.

    With access PROBABILITY or LABEL the softmax (or sigmoid) or the argmax of the image.
    """

    def __init__(self, truth: LabelTruth, access: Access = Access.LOGIT) -> None:
        super().__init__(truth, access, f"echo of {access}s")

    def _query(self, images: Tensor) -> Tensor:
        one = images.shape[1] == 1
        if self.access is Access.LOGIT:
            return images
        if self.access is Access.PROBABILITY:
            return images.sigmoid() if one else images.softmax(dim=1)
        return (images[:, 0] > 0).long() if one else images.argmax(dim=1)


class WobblyTarget(EchoTarget):
    """Adds to the image a pattern that stays in place, however the image is transformed.

    It is more confident at some places than at others, like a network that was trained on what lies
    there: its answer to a mirrored image is another.

    Args:
        truth: what it answers with.
        access: what its answers reveal.
        amplitude: standard deviation of the pattern.
    """

    def __init__(
        self, truth: LabelTruth, access: Access = Access.LOGIT, *, amplitude: float = 1.5
    ) -> None:
        super().__init__(truth, access)
        self.amplitude = amplitude

    def _query(self, images: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        pattern = self.amplitude * torch.randn(images.shape[1:], generator=generator)
        return super()._query(images + pattern)


def echo_records(
    logits: Sequence[Tensor], truths: Sequence[Tensor], truth: LabelTruth, name: str = "echo"
) -> Records:
    """Records ``r0``, ``r1``, ... with given (k, h, w) logits as images and (h, w) truths."""
    if len(logits) != len(truths):
        raise InputError(f"{len(logits)} logit maps do not go with {len(truths)} truths")
    pairs = [(z.to(torch.float32), y.to(torch.int64)) for z, y in zip(logits, truths, strict=True)]
    return Records([RecordKey(f"r{i}") for i in range(len(pairs))], pairs.__getitem__, truth, name)


@dataclass(frozen=True, eq=False)
class LabelWorld:
    """Records, and which of them an :class:`EchoTarget` answers as if it had learnt them.

    Args:
        records: n records.
        member: (n,) bool.
    """

    records: Records
    member: Bools

    def target(self, access: Access = Access.LOGIT) -> EchoTarget:
        """The target with this access."""
        assert isinstance(self.records.truth, LabelTruth)
        return EchoTarget(self.records.truth, access)


def overfitted_world(
    truth: LabelTruth, *, records: int = 40, size: int = 24, leak: float = 2.0, seed: int = 0
) -> LabelWorld:
    """Blobs whose true class is answered with a margin that is larger for members.

    The logits are standard normal noise, plus ``2`` on the true class, plus ``leak`` more for
    members. Where the truth ignores a label, a tenth of the pixels carry it.

    Args:
        truth: of the records.
        records: n, every other one a member.
        size: side of the images in pixels, at least 20 for all border bands to occur.
        leak: 0 is no leak.
        seed: of everything.
    """
    generator = np.random.default_rng(seed)
    logits, truths = [], []
    for i in range(records):
        labels = np.full((size, size), truth.background or 0)
        for c in range(truth.classes):
            if c == labels[0, 0]:
                continue
            height, width = generator.integers(size // 4, size // 2, 2)
            top, left = (generator.integers(0, size - side) for side in (height, width))
            labels[top : top + height, left : left + width] = c
        noise = generator.standard_normal((truth.classes, size, size))
        margin = 2.0 + leak * (i % 2 == 0)
        noise += margin * (np.arange(truth.classes)[:, None, None] == labels)
        if truth.ignore is not None:
            labels[generator.random(labels.shape) < 0.1] = truth.ignore
        logits.append(torch.from_numpy(noise))
        truths.append(torch.from_numpy(labels))
    return LabelWorld(
        echo_records(logits, truths, truth, "overfitted"), np.arange(records) % 2 == 0
    )
