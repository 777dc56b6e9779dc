"""A target that holds another and alters its answers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.targets.base import Target


class AlteredTarget(Target):
    """What every target in front of another has of it: truth, name, device, discriminator.

    A subclass writes ``_query``, which calls ``self.inner.predict``.

    Args:
        inner: the target that is asked.
        access: what is given away.
    """

    def __init__(self, inner: Target, access: Access) -> None:
        super().__init__(inner.truth, access, inner.name)
        self.inner = inner

    @property
    def device(self) -> str | torch.device:
        """Where the target behind is asked."""
        device: str | torch.device = getattr(self.inner, "device", "cpu")
        return device

    @property
    def judge(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        return self.inner.judge
