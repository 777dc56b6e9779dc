"""Temperature: return less confident answers than the model's own.

Idea: members and other records differ in the model's confidence, and a large temperature T reduces
all confidences::

    z' = z / T                     logits
    p' = softmax(log p / T)        probabilities; one channel: sigmoid(logit(p) / T)

Labels do not change. It is **not** a defence against anyone who knows or guesses T: the map is
one-to-one, so multiplying by T undoes it, up to rounding, and records are ranked by their margins
as before. It is included as an example of a defence that only helps against an attacker who does
not adapt.

Source:
    Shokri, Stronati, Song, Shmatikov, "Membership Inference Attacks Against Machine Learning
    Models", S&P 2017, arXiv:1610.05820 (softmax with temperature).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.defences.steps.shared_checks import check_positive, refuse_labels
from pixleak.targets.altered import AlteredTarget
from pixleak.targets.base import Target
from pixleak.training.defence import Defence, DefenceSide


@dataclass(frozen=True, kw_only=True)
class Temperature(Defence):
    """Softened answers.

    Args:
        temperature: T; above 1 softens, below 1 sharpens.
    """

    name: ClassVar[str] = "temperature"
    title: ClassVar[str] = "Temperature"
    summary: ClassVar[str] = "divide logits by T, which anyone who knows T can undo"
    source: ClassVar[str] = "Shokri 2017, arXiv:1610.05820"
    side: ClassVar[DefenceSide] = "output"

    temperature: float = 5.0

    def __post_init__(self) -> None:
        check_positive(self.name, temperature=self.temperature)

    def access_after(self, given: Access) -> Access:
        refuse_labels(self.name, given)
        return given

    def wrap_target(self, target: Target) -> Target:
        refuse_labels(self.name, target.access)
        return SoftenedTarget(target, self.temperature)


class SoftenedTarget(AlteredTarget):
    """Another target's answers at a temperature.

    Args:
        inner: returns logits or probabilities.
        temperature: T.
    """

    def __init__(self, inner: Target, temperature: float) -> None:
        super().__init__(inner, inner.access)
        self.temperature = temperature

    def _query(self, images: Tensor) -> Tensor:
        values = self.inner.predict(images).values
        if self.access is Access.LOGIT:
            return values / self.temperature
        if values.shape[1] == 1:
            return torch.sigmoid(torch.logit(values) / self.temperature)
        return torch.softmax(values.log() / self.temperature, dim=1)
