"""Every attack keeps the contract, and the contract can be broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from pixleak.attacks import ATTACKS, Attack, Evidence
from pixleak.core.tables import Floats
from pixleak.testing import check_attack


@pytest.mark.parametrize("name", list(ATTACKS))
def test_contract(name: str) -> None:
    check_attack(ATTACKS.make(name))


@dataclass(frozen=True, kw_only=True)
class Example(Attack):
    """Difficulty calibration; what it should be."""

    name: ClassVar[str] = "example"
    title: ClassVar[str] = "Example"
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "pixleak"
    min_references: ClassVar[int] = 1
    min_outside: ClassVar[int] = 1
    recordwise: ClassVar[bool] = True

    def _score(self, evidence: Evidence) -> Floats:
        total = np.where(evidence.outside, evidence.reference, 0.0).sum(axis=0)
        return evidence.values - total / evidence.outside.sum(axis=0)


@dataclass(frozen=True, kw_only=True)
class Sum(Example):
    """Two signals and a population."""

    name: ClassVar[str] = "sum"
    signals: ClassVar = "many"
    needs_population: ClassVar[bool] = True

    def _score(self, evidence: Evidence) -> Floats:
        assert evidence.population is not None
        total: Floats = (evidence.values - evidence.population.values.mean(axis=0)).sum(axis=1)
        return total


@pytest.mark.parametrize("attack", [Example(), Sum()], ids=repr)
def test_attacks_with_references_and_many_signals_keep_it(attack: Attack) -> None:
    check_attack(attack)


@dataclass(frozen=True, kw_only=True)
class CountsReferences(Example):
    """Uses that each record is in exactly half of all models, the target's among them."""

    def _score(self, evidence: Evidence) -> Floats:
        return evidence.values - 0.5 * evidence.inside.sum(axis=0)


@dataclass(frozen=True, kw_only=True)
class Deaf(Example):
    """Ignores the target."""

    def _score(self, evidence: Evidence) -> Floats:
        return np.where(evidence.outside, evidence.reference, 0.0).max(axis=0)


@dataclass(frozen=True, kw_only=True)
class ByPosition(Example):
    """Compares with the first reference whatever its name."""

    def _score(self, evidence: Evidence) -> Floats:
        return evidence.values - 0.1 * evidence.reference[0]


@dataclass(frozen=True, kw_only=True)
class Standardised(Example):
    """Depends on all records, and says that it does not."""

    def _score(self, evidence: Evidence) -> Floats:
        return evidence.values / evidence.values.std()


@dataclass(frozen=True, kw_only=True)
class Forgetful(Example):
    """Draws without a seed."""

    def _score(self, evidence: Evidence) -> Floats:
        return evidence.values + np.random.default_rng().normal(size=len(evidence.values))


class Changeable(Example):
    """Not a frozen dataclass of its own."""


@dataclass(frozen=True, kw_only=True)
class Nameless(Example):
    """A bad name."""

    name: ClassVar[str] = "Not Kebab"


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (CountsReferences(), "world without a leak"),
        (Deaf(), "does not find a planted leak|reordering"),
        (ByPosition(), "reordering"),
        (Standardised(), "leaving records out"),
        (Forgetful(), "reordering|asking again"),
        (Nameless(), "kebab-case"),
        (Changeable(), "can be changed after"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(attack: Attack, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_attack(attack)
