"""Signals of generators: output and true image -> one number a record."""

from __future__ import annotations

from pixleak.registry import Registry
from pixleak.signals.images.base import ImageSignal
from pixleak.signals.images.discriminator import DiscriminatorScore
from pixleak.signals.images.errors import (
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
from pixleak.signals.images.likeness import EdgeLikeness, Likeness
from pixleak.signals.images.perceptual import Lpips
from pixleak.signals.images.sampling import BestOfN, MonteCarloShare

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
