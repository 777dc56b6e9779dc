"""Difficulties: how hard a record is for any model, which no model was asked for."""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.signals.difficulty.base import Difficulty
from pixleak.signals.difficulty.features import (
    FeatureDifficulty,
    LabelDifficulty,
    WideResNetDifficulty,
)
from pixleak.signals.difficulty.plain import Compression, Neighbours, TotalVariation

DIFFICULTIES: Registry[Difficulty] = Registry(
    "difficulties",
    {
        one.name: one
        for one in (
            TotalVariation(),
            Neighbours(),
            Compression(),
            FeatureDifficulty(),
            WideResNetDifficulty(),
            LabelDifficulty(),
        )
    },
)
"""Difficulties with their default parameters, by name."""
