"""Signals: pixels of one query -> one number per record.

``SIGNALS`` is one table for segmenters and generators alike, since names, options and entry points
(group ``pixleak.signals``) work the same for both; ``Signal.on`` says which kind of truth a signal
is measured on.
"""

from __future__ import annotations

from pixleak.core.access import Access
from pixleak.core.registry import Registry
from pixleak.core.truth import Truth
from pixleak.signals.base import Signal
from pixleak.signals.generation.discriminator import DiscriminatorScore
from pixleak.signals.generation.likeness import EdgeLikeness, Likeness
from pixleak.signals.generation.perceptual import Lpips
from pixleak.signals.generation.reconstruction import (
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
from pixleak.signals.generation.sampling import BestOfN, MonteCarloShare
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

__all__ = ["SIGNALS", "Signal", "signals_on", "usual_signals"]

_OF_SEGMENTERS: tuple[type[Signal], ...] = (
    CrossEntropy,
    DiceLoss,
    Margin,
    WorstCrossEntropy,
    Confidence,
    Entropy,
    ModifiedEntropy,
    LogCrossEntropy,
    CrossEntropySecondMoment,
    CrossEntropyByClass,
    CrossEntropyByBorder,
    MarginByStratum,
    LabelAgreement,
    LabelDice,
    TransformAgreement,
    NoiseRobustness,
    MaskShare,
)
_OF_GENERATORS: tuple[type[Signal], ...] = (
    L1Error,
    L2Error,
    SsimError,
    WorstError,
    Likeness,
    EdgeLikeness,
    CoarseError,
    FineError,
    LogL1Error,
    LogL2Error,
    ErrorByDetail,
    DiscriminatorScore,
    BestOfN,
    MonteCarloShare,
    Lpips,
)

SIGNALS: Registry[type[Signal]] = Registry(
    "signals",
    {kind().name: kind for kind in (*_OF_SEGMENTERS, *_OF_GENERATORS)},
    noun="signal",
    base=Signal,
)
"""Classes of signals by name; columns of signal tables keep this order."""


def signals_on(truth: Truth) -> dict[str, type[Signal]]:
    """The signals that are measured on records of this kind of truth, by name."""
    return {name: kind for name, kind in SIGNALS.items() if kind.measured_on(truth)}


def usual_signals(truth: Truth, access: Access, samples: int = 1) -> tuple[Signal, ...]:
    """What is attacked by threshold where a request names no signals.

    Args:
        truth: of the records.
        access: what the target's answers reveal.
        samples: answers drawn per record.
    """
    usual = [n for n, kind in signals_on(truth).items() if kind.usual_for(access, samples)]
    return tuple(SIGNALS.make(name) for name in sorted(usual, key=lambda n: SIGNALS[n].place))
