"""Any callable as a target."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.truth import Truth
from pixleak.targets.base import Target, Untwinned


class FunctionTarget(Target):
    """A function: a wrapped service, another framework's model, an ensemble.

    Args:
        function: (b, c, h, w) float32 tensor -> tensor or numpy array of what ``access``
            declares. It gets a copy, so it may write into its argument.
        truth: what its output should look like.
        access: what it gives away.
        name: its name in errors and reports.
    """

    def __init__(
        self,
        function: Callable[[Tensor], object],
        truth: Truth,
        access: Access,
        *,
        name: str = "target",
    ) -> None:
        super().__init__(truth, access, name)
        self.function = function

    def untrained(self, seed: int) -> Untwinned:
        return Untwinned("a function has no weights to take away")

    def _query(self, images: Tensor) -> object:
        with torch.no_grad():
            return self.function(images.clone())
