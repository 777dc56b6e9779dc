"""Defences: what changes how a model is trained or what it answers. One file each.

``DEFENCES`` maps names to classes; ``pixleak list``, the contract tests and the docs read it.
"""

from __future__ import annotations

from pixleak.defences.argmax import Argmax
from pixleak.defences.mix_up import CutMix
from pixleak.defences.noise import Noise
from pixleak.defences.rounding import Rounding
from pixleak.defences.temperature import Temperature
from pixleak.registry import Registry
from pixleak.training.defence import Defence

__all__ = ["DEFENCES", "Defence"]

_ALL: tuple[type[Defence], ...] = (
    CutMix,
    Argmax,
    Rounding,
    Temperature,
    Noise,
)

DEFENCES: Registry[type[Defence]] = Registry("defences", {one.name: one for one in _ALL})
