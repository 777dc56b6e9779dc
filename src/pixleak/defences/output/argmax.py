"""Argmax: give labels away, and nothing else.

Idea: how sure a model is tells more than what it says. Only the class of each pixel is answered::

    a_j = argmax_c z_jc            K channels, ties to the lower class
    a_j = 1 if z_j > 0, else 0     one channel (probabilities: above one half)

Source:
    Chobola, Usynin, Kaissis, arXiv:2212.01082.

Differs from the source:
    Their code for two classes rounds raw logits to whole numbers and gives those away. A map of
    -7, 3, 12 still says how sure the model is; here it is a label.
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
    summary: ClassVar[str] = "answer with the most probable class of each pixel"
    source: ClassVar[str] = "Chobola 2022, arXiv:2212.01082"
    side: ClassVar[DefenceSide] = "output"

    def access_after(self, given: Access) -> Access:
        return Access.LABEL

    def wrap_target(self, target: Target) -> Target:
        return restricted(target, Access.LABEL)
