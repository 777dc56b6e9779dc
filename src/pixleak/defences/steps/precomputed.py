"""A module whose answer is known already, for losses that call a module themselves."""

from __future__ import annotations

from torch import Tensor, nn


class Precomputed(nn.Module):
    """Returns a given answer for every input, so that the real module is called only once.

    A second call would double the cost, update the statistics of batch normalisation twice, and
    draw other dropout.

    Args:
        answer: of the real module.
    """

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: Tensor) -> Tensor:
        """The given answer."""
        return self.answer
