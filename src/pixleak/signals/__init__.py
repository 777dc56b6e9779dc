"""Signals: pixels of one query -> one number a record."""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.core.truth import LabelTruth, Truth
from pixleak.signals.base import Signal
from pixleak.signals.generation import IMAGE_SIGNALS
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.label_only.noise_robustness import NoiseRobustness
from pixleak.signals.label_only.transform_agreement import TransformAgreement
from pixleak.signals.segmentation.confidence import Confidence
from pixleak.signals.segmentation.cross_entropy import (
    CrossEntropy,
    CrossEntropySecondMoment,
    LogCrossEntropy,
)
from pixleak.signals.segmentation.cross_entropy_by_group import (
    CrossEntropyByBorder,
    CrossEntropyByClass,
)
from pixleak.signals.segmentation.dice_loss import DiceLoss
from pixleak.signals.segmentation.entropy import Entropy
from pixleak.signals.segmentation.label_agreement import LabelAgreement, LabelDice
from pixleak.signals.segmentation.margin import Margin, MarginByStratum
from pixleak.signals.segmentation.mask_share import MaskShare
from pixleak.signals.segmentation.modified_entropy import ModifiedEntropy
from pixleak.signals.segmentation.worst_cross_entropy import WorstCrossEntropy

SIGNALS: Registry[Signal] = Registry(
    "signals",
    {
        signal.name: signal
        for signal in (
            CrossEntropy(),
            DiceLoss(),
            Margin(),
            WorstCrossEntropy(),
            Confidence(),
            Entropy(),
            ModifiedEntropy(),
            LogCrossEntropy(),
            CrossEntropySecondMoment(),
            CrossEntropyByClass(),
            CrossEntropyByBorder(),
            MarginByStratum(),
            LabelAgreement(),
            LabelDice(),
            TransformAgreement(),
            NoiseRobustness(),
            MaskShare(),
        )
    },
)
"""Signals of segmenters with their default parameters, by name; the order is that of the tables."""


def signals_for(truth: Truth) -> Registry[Signal] | Registry[ImageSignal]:
    """The signals of segmenters or of generators."""
    return SIGNALS if isinstance(truth, LabelTruth) else IMAGE_SIGNALS
