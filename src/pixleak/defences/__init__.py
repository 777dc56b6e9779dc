"""Defences, which change how a model is trained or what it answers. One file per defence.

``DEFENCES`` maps names to classes; ``pixleak list``, the contract tests and the docs read it.
"""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.defences.output.argmax import Argmax
from pixleak.defences.output.noise import Noise
from pixleak.defences.output.rounding import Rounding
from pixleak.defences.output.temperature import Temperature
from pixleak.defences.training.adversarial_distillation import AdversarialDistillation
from pixleak.defences.training.crop_training import CropTraining
from pixleak.defences.training.cut_mix import CutMix
from pixleak.defences.training.distillation import Distillation
from pixleak.defences.training.dp_sgd import DpSgd
from pixleak.defences.training.early_stopping import EarlyStopping
from pixleak.defences.training.ema import Ema
from pixleak.defences.training.min_max import MinMax
from pixleak.defences.training.mix_up import MixUp
from pixleak.defences.training.relax_loss import RelaxLoss
from pixleak.defences.training.weight_decay import WeightDecay
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

DEFENCES: Registry[type[Defence]] = Registry(
    "defences", {one.name: one for one in _ALL}, noun="defence", base=Defence
)
