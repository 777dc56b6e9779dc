"""Argmax: return labels only.

Idea: a model's confidence reveals more about membership than its labels do. The answer is only the
class of each pixel::

    a_j = argmax_c z_jc            K channels, ties to the lower class
    a_j = 1 if z_j > 0, else 0     one channel (probabilities: above one half)

Source:
    Chobola, Usynin, Kaissis, arXiv:2212.01082.

Differs from the source:
    Their code for two classes rounds raw logits to integers and returns those. A map of -7, 3, 12
    still shows the model's confidence; here the answer is a label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.core.access import Access
from pixleak.targets.base import Target
from pixleak.targets.restricted import restricted
from pixleak.training.defence import Defence, DefenceSide


@dataclass(frozen=True, kw_only=True)
class Argmax(Defence):
    """Hard labels."""

    name: ClassVar[str] = "argmax"
    title: ClassVar[str] = "Labels only"
    summary: ClassVar[str] = "return the most probable class of each pixel only"
    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    side: ClassVar[DefenceSide] = "output"

    def access_after(self, given: Access) -> Access:
        return Access.LABEL

    def wrap_target(self, target: Target) -> Target:
        return restricted(target, Access.LABEL)
