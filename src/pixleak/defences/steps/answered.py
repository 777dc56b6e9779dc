"""A module that was asked already: for losses that need its answer themselves."""

from __future__ import annotations

from torch import Tensor, nn


class Answered(nn.Module):
    """Answers with what it was given, whatever it is asked: so that the real one is asked once.

    Twice would cost twice, move the statistics of batch normalisation twice, and draw other
    dropout.

    Args:
        answer: of the real module.
    """

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, images: Tensor) -> Tensor:
        """The answer."""
        return self.answer
