"""Every learned signal of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from pixleak.signals.learned import LEARNED, FittedSignal, LearnedSignal
from pixleak.signals.learned.logistic import FittedLogistic, TypeIILogistic
from pixleak.testing import check_learned_signal

QUICK: dict[str, dict[str, object]] = {
    "type-i-network": {"width": 4, "epochs": 4, "batch_size": 8},
    "type-ii-network": {"width": 4, "epochs": 4, "batch_size": 8, "lr": 3e-3},
    "loss-map-patches": {"width": 4, "epochs": 6},
}


@pytest.mark.parametrize("name", LEARNED)
def test_learned_signals_keep_the_contract(name: str) -> None:
    check_learned_signal(LEARNED.make(name, QUICK.get(name)))


@dataclass(frozen=True, kw_only=True)
class Unseeded(TypeIILogistic):
    """Breaks the contract: draws from nowhere."""

    def fit(self, *args: Any, **options: Any) -> FittedLogistic:
        fitted = super().fit(*args, **options)
        noise = np.random.default_rng().normal(size=1)
        return replace(fitted, arrays={**fitted.arrays, "intercept": noise})


@dataclass(frozen=True, eq=False, kw_only=True)
class Renamed(FittedLogistic):
    """Another class of the same kind."""


@dataclass(frozen=True, kw_only=True)
class Misnamed(TypeIILogistic):
    """Breaks the contract: names another class than it fits."""

    fitted = Renamed


@dataclass(frozen=True, eq=False, kw_only=True)
class Forgetful(FittedLogistic):
    """Breaks the contract: loses its intercept on the way to disk."""

    @classmethod
    def load(cls, folder: Any) -> FittedSignal:  # type: ignore[override]
        back = super().load(folder)
        return replace(back, arrays={**back.arrays, "intercept": np.array([7.0])})


@dataclass(frozen=True, kw_only=True)
class Lossy(TypeIILogistic):
    """Fits the forgetful one."""

    fitted = Forgetful

    def fit(self, *args: Any, **options: Any) -> Forgetful:
        one = super().fit(*args, **options)
        return Forgetful(
            card=one.card, settings=one.settings, arrays=one.arrays, history=one.history
        )


@pytest.mark.parametrize(
    ("learned", "complaint"),
    [
        (Unseeded(strength=0.1), "learning twice from one seed gives two signals"),
        (Misnamed(strength=0.1), "fit returned a FittedLogistic, but fitted names Renamed"),
        (Lossy(strength=0.1), "saving changes its values"),
    ],
    ids=repr,
)
def test_the_contract_catches(learned: LearnedSignal, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_learned_signal(learned, records=24)
