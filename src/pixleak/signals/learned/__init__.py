"""Learned signals: classifiers trained on a shadow model's answers."""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.signals.learned.base import FittedSignal, LearnedSignal
from pixleak.signals.learned.logistic import TypeIILogistic, TypeILogistic
from pixleak.signals.learned.loss_map_patches import LossMapPatches
from pixleak.signals.learned.network import TypeIINetwork, TypeINetwork

__all__ = ["LEARNED", "FittedSignal", "LearnedSignal", "usual_learned"]

_OWN: tuple[type[LearnedSignal], ...] = (
    TypeILogistic,
    TypeIILogistic,
    TypeINetwork,
    TypeIINetwork,
    LossMapPatches,
)

LEARNED: Registry[type[LearnedSignal]] = Registry(
    "learned-signals",
    {kind().name: kind for kind in _OWN},
    noun="learned signal",
    base=LearnedSignal,
)
"""Classes of learned signals by name: ``LEARNED["type-ii-network"](width=64)``."""


def usual_learned() -> tuple[LearnedSignal, ...]:
    """What is learned on the shadow's answers where a request names no learned signals."""
    return tuple(LEARNED.make(name) for name, kind in LEARNED.items() if kind.usual)
