"""Learned signals: classifiers trained on a shadow model's answers."""

from __future__ import annotations

from pathlib import Path

from pixleak.core.errors import InputError
from pixleak.core.registry import Registry
from pixleak.signals.learned.base import FittedSignal, LearnedSignal, read_card
from pixleak.signals.learned.logistic import FittedLogistic, TypeIILogistic, TypeILogistic
from pixleak.signals.learned.loss_map_patches import FittedPatches, LossMapPatches
from pixleak.signals.learned.network import FittedNetwork, TypeIINetwork, TypeINetwork

LEARNED: Registry[type[LearnedSignal]] = Registry(
    "learned-signals",
    {
        kind().name: kind
        for kind in (TypeILogistic, TypeIILogistic, TypeINetwork, TypeIINetwork, LossMapPatches)
    },
)
"""Classes of learned signals by name: ``LEARNED["type-ii-network"](width=64)``."""

FITTED: Registry[type[FittedSignal]] = Registry(
    "fitted-signals", {kind.kind: kind for kind in (FittedLogistic, FittedNetwork, FittedPatches)}
)
"""What a saved learned signal can be, by the ``kind`` it was saved under."""


def load_fitted(folder: Path) -> FittedSignal:
    """A learned signal from the folder it was saved in.

    Raises:
        InputError: there is none, or it is of an unknown kind.
    """
    kind = read_card(folder)["kind"]
    if kind not in FITTED:
        raise InputError(f"{folder} holds a signal of the unknown kind {kind!r}")
    return FITTED[kind].load(folder)
