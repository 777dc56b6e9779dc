"""Difficulties: how hard a record is for any model, measured without asking one."""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.core.truth import Truth
from pixleak.signals.difficulty.base import Difficulty
from pixleak.signals.difficulty.from_features import (
    FeatureDifficulty,
    LabelDifficulty,
    WideResNetDifficulty,
)
from pixleak.signals.difficulty.from_pixels import Compression, Neighbours, TotalVariation

__all__ = ["DIFFICULTIES", "Difficulty", "usual_difficulties"]

_OWN: tuple[type[Difficulty], ...] = (
    TotalVariation,
    Neighbours,
    Compression,
    FeatureDifficulty,
    WideResNetDifficulty,
    LabelDifficulty,
)

DIFFICULTIES: Registry[type[Difficulty]] = Registry(
    "difficulties", {kind().name: kind for kind in _OWN}, noun="difficulty", base=Difficulty
)
"""Classes of difficulties by name."""


def usual_difficulties(truth: Truth) -> tuple[Difficulty, ...]:
    """What is measured on records of this kind where a request names no difficulties."""
    return tuple(
        DIFFICULTIES.make(name)
        for name, kind in DIFFICULTIES.items()
        if kind.usual and kind.measured_on(truth)
    )
