"""Every poison of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from torch import Tensor

from pixleak.core.truth import LabelTruth
from pixleak.poisoning import POISONS, Poison
from pixleak.poisoning.triggers import Line
from pixleak.testing import check_poison


@pytest.mark.parametrize("name", POISONS)
def test_poisons_keep_the_contract(name: str) -> None:
    check_poison(POISONS.make(name))


@dataclass(frozen=True, kw_only=True)
class Unseeded(Line):
    """Breaks the contract: draws from nowhere."""

    def _apply(
        self,
        key: str,
        image: Tensor,
        labels: Tensor,
        truth: LabelTruth,
        draws: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        return image * float(np.random.default_rng().random()), labels


@dataclass(frozen=True, kw_only=True)
class Bright(Line):
    """Breaks the contract: leaves the range of images."""

    def _apply(
        self,
        key: str,
        image: Tensor,
        labels: Tensor,
        truth: LabelTruth,
        draws: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        return image + 1, labels


@dataclass(frozen=True, kw_only=True)
class First(Line):
    """Breaks the contract: takes whatever comes first."""

    def select(self, unit_of: Mapping[str, str], *, seed: int) -> tuple[str, ...]:
        return tuple(unit_of)[:4]


@pytest.mark.parametrize(
    ("poison", "complaint"),
    [
        (Unseeded(), "one record is poisoned in two ways"),
        (Bright(), r"a poisoned image spans 1\.\d+\.\.1\.\d+"),
        (First(), "a part of a unit"),
    ],
    ids=repr,
)
def test_the_contract_catches(poison: Poison, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_poison(poison)
