"""A target that holds another and alters its answers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from pixleak.core.access import Access
from pixleak.targets.base import Target, Untwinned


class AlteredTarget(Target):
    """Base of targets in front of another: everything but the answers is that of the other.

    A subclass writes ``_query``, which calls ``self.inner.predict``.

    Args:
        inner: the target that is asked.
        access: what is given away.
    """

    def __init__(self, inner: Target, access: Access) -> None:
        super().__init__(inner.truth, access, inner.name)
        self.inner = inner
        self.device = inner.device
        self.meter = inner.meter

    @property
    def judge(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        return self.inner.judge

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any] | None:
        """The inner target's with the altered answers; labels on a few records identify nothing."""
        known = None if self.access is Access.LABEL else self.inner.identity(answers)
        if known is None:
            return None
        return {**known, "altered by": [*known.get("altered by", ()), type(self).__qualname__]}

    def untrained(self, seed: int) -> Target | Untwinned:
        """The inner target's untrained twin, altered in the same way."""
        fresh = self.inner.untrained(seed)
        if isinstance(fresh, Untwinned):
            return fresh
        twin = copy.copy(self)
        twin.inner, twin.name = fresh, fresh.name
        return twin


def bare(target: Target) -> Target:
    """The target behind everything that alters its answers."""
    while isinstance(target, AlteredTarget):
        target = target.inner
    return target
