"""Defences: what changes how a model is trained or what it answers. One file each.

``DEFENCES`` maps names to classes; ``pixleak list``, the contract tests and the docs read it.
"""

from __future__ import annotations

from pixleak.defences.adversarial_distillation import AdversarialDistillation
from pixleak.defences.argmax import Argmax
from pixleak.defences.crop_training import CropTraining
from pixleak.defences.cut_mix import CutMix
from pixleak.defences.distillation import Distillation
from pixleak.defences.dp_sgd import DpSgd
from pixleak.defences.early_stopping import EarlyStopping
from pixleak.defences.ema import Ema
from pixleak.defences.min_max import MinMax
from pixleak.defences.mix_up import MixUp
from pixleak.defences.noise import Noise
from pixleak.defences.relax_loss import RelaxLoss
from pixleak.defences.rounding import Rounding
from pixleak.defences.temperature import Temperature
from pixleak.defences.weight_decay import WeightDecay
from pixleak.registry import Registry
from pixleak.training.defence import Defence

__all__ = ["DEFENCES", "Defence"]

_ALL: tuple[type[Defence], ...] = (
    CutMix,
    MixUp,
    CropTraining,
    RelaxLoss,
    EarlyStopping,
    WeightDecay,
    Ema,
    DpSgd,
    MinMax,
    Distillation,
    AdversarialDistillation,
    Argmax,
    Rounding,
    Temperature,
    Noise,
)

DEFENCES: Registry[type[Defence]] = Registry("defences", {one.name: one for one in _ALL})
