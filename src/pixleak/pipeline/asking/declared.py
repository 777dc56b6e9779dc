"""Whether a target's answers on a few records look like what they were declared to be."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth, Truth


@dataclass(frozen=True)
class Declared:
    """What a target was declared to answer with.

    Args:
        name: of the target.
        access: what its values are.
        truth: what they should look like.
    """

    name: str
    access: Access
    truth: Truth

    def check(self, values: Tensor) -> None:
        """Refuse answers that look like something else.

        Args:
            values: (b, ...) on all records that were asked about.

        Raises:
            InputError: naming the access or the adapter that fits.
        """
        low, high = float(values.min()), float(values.max())
        if isinstance(self.truth, ImageTruth):
            self._check_range(values, low, high, self.truth)
        elif self.access in (Access.LOGIT, Access.PROBABILITY):
            self._check_soft(values, low, high)

    def _check_soft(self, values: Tensor, low: float, high: float) -> None:
        logits = self.access is Access.LOGIT
        said = f"the target was declared to answer with {'logits' if logits else 'probabilities'}"
        access, one = setting("target.access"), values.shape[1] == 1
        if low >= 0 and high > low and bool((values == values.round()).all()):
            levels = len(torch.unique(values))
            if levels <= 2 and high in (1.0, 255.0):
                cure = f"set {access} to label"
                cure += "" if high == 1 else f" and {setting('target.output.range')} to [0, 255]"
                if not one:
                    cure += f" and {setting('target.output.activation')} to argmax"
                raise InputError(
                    f"{said}, but every value is 0 or {high:g}: these look like label maps; {cure}"
                )
            if high <= 255 and logits:
                raise InputError(
                    f"{said}, but every value is a whole number in {low:g}..{high:g}: these look "
                    f"like bytes or labels; set {access} to probability and "
                    f"{setting('target.output.range')} to [0, 255], or {access} to label"
                )
        # Several small channels may be logits of a network that was hardly trained.
        if logits and low >= 0 and high <= 1 and (one or (low < 0.2 and high > 0.8)):
            # A trained model whose logits all lie between 0 and 1 would be certain nowhere.
            if one:
                raise InputError(
                    f"{said}, but its one channel lies in 0..1 on every pixel asked for: these "
                    f"look like probabilities; set {access} to probability"
                )
            cure = (
                f"set {access} to probability and {setting('target.output.channels')} to [1]"
                if values.shape[1] == 2
                else f"remove the sigmoid, or set {setting('target.output.activation')} to softmax "
                f"and {access} to probability"
            )
            raise InputError(
                f"{said}, but all {values.shape[1]} channels lie in 0..1 without summing to one: "
                f"these look like a sigmoid for each class; {cure}"
            )

    def _check_range(self, values: Tensor, low: float, high: float, truth: ImageTruth) -> None:
        span = truth.high - truth.low
        outside = (values < truth.low - 0.1 * span) | (values > truth.high + 0.1 * span)
        share = float(outside.float().mean())
        if share > 0.05:
            raise InputError(
                f"target {self.name!r} answers with values in {low:.4g}..{high:.4g}, of which "
                f"{share:.0%} lie well outside the range of the true images, {truth.low:g}.."
                f"{truth.high:g}: say with {setting('target.output.range')} what its range is, "
                f"such as {_likely_range(low, high)}"
            )


def _likely_range(low: float, high: float) -> str:
    if high > 2:
        return "[0, 255]"
    return "[-1, 1]" if low < 0 else "[0, 1]"
