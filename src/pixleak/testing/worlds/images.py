"""A world of generators whose answers can be worked out by hand: the input is the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.tables import Bools
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.targets.base import Target


class EchoGenerator(Target):
    """Answers with its input; its discriminator prefers outputs that are near the input.

    Args:
        truth: what it answers with.
        access: what its answers reveal.
    """

    def __init__(self, truth: ImageTruth, access: Access = Access.DISCRIMINATOR) -> None:
        super().__init__(truth, access, "echo of images")

    def _query(self, images: Tensor) -> Tensor:
        return images

    @property
    def judge(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Minus the mean absolute difference, where it is revealed."""
        if self.access is not Access.DISCRIMINATOR:
            return None
        return lambda inputs, outputs: -(inputs - outputs).abs().flatten(1).mean(dim=1)


@dataclass(frozen=True, eq=False)
class ImageWorld:
    """Records, and which of them an :class:`EchoGenerator` answers as if it remembered them.

    Args:
        records: n records.
        member: (n,) bool.
    """

    records: Records
    member: Bools

    def target(self, access: Access) -> EchoGenerator:
        """The target with this access."""
        assert isinstance(self.records.truth, ImageTruth)
        return EchoGenerator(self.records.truth, access)

    def reversed(self) -> ImageWorld:
        """The same records from last to first."""
        backwards = self.records.select(self.records.ids[::-1])
        return replace(self, records=backwards, member=self.member[::-1])


def remembered_images(truth: ImageTruth, *, records: int, leak: float, seed: int = 3) -> ImageWorld:
    """True images of uniform noise; inputs, and so answers, with normal noise added.

    Args:
        truth: channels and range.
        records: n, every other one a member.
        leak: the noise has a fifth of the range as its standard deviation, and ``1 + leak`` times
            less for members; 0 is no leak.
        seed: of everything.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (records, truth.channels, 20, 24)
    span = truth.high - truth.low
    truths = truth.low + span * torch.rand(shape, generator=generator)
    noise = torch.randn(shape, generator=generator)
    member = np.arange(records) % 2 == 0
    size = torch.where(torch.from_numpy(member), 0.2 / (1 + leak), 0.2)[:, None, None, None]
    inputs = (truths + span * size * noise).clamp(truth.low, truth.high)
    keys = [RecordKey(f"r{i}") for i in range(records)]
    return ImageWorld(Records(keys, lambda i: (inputs[i], truths[i]), truth, "echo"), member)
