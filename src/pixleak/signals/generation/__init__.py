"""Signals of generators: output and true image -> one number a record."""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.generation.discriminator import DiscriminatorScore
from pixleak.signals.generation.errors import (
    CoarseError,
    ErrorByDetail,
    FineError,
    L1Error,
    L2Error,
    LogL1Error,
    LogL2Error,
    SsimError,
    WorstError,
)
from pixleak.signals.generation.likeness import EdgeLikeness, Likeness
from pixleak.signals.generation.perceptual import Lpips
from pixleak.signals.generation.sampling import BestOfN, MonteCarloShare

IMAGE_SIGNALS: Registry[ImageSignal] = Registry(
    "image-signals",
    {
        signal.name: signal
        for signal in (
            L1Error(),
            L2Error(),
            SsimError(),
            WorstError(),
            Likeness(),
            EdgeLikeness(),
            CoarseError(),
            FineError(),
            LogL1Error(),
            LogL2Error(),
            ErrorByDetail(),
            DiscriminatorScore(),
            BestOfN(),
            MonteCarloShare(),
            Lpips(),
        )
    },
)
"""Signals of generators with their default parameters, by name."""
