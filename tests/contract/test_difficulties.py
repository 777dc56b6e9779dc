"""Every difficulty of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.tables import Floats, SignalInfo
from pixleak.signals.difficulty import DIFFICULTIES, Difficulty, from_features
from pixleak.signals.difficulty.backbones import Backbone
from pixleak.signals.difficulty.base import RecordBatch, difficulty_info
from pixleak.testing import check_difficulty


def _halves(images: Tensor) -> list[Tensor]:
    return [functional.avg_pool2d(images, 4), functional.avg_pool2d(images, 32)]


@pytest.mark.parametrize("name", DIFFICULTIES)
def test_difficulties_keep_the_contract(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Backbone("made up", _halves, (0.5,) * 3, (0.5,) * 3)
    monkeypatch.setattr(from_features, "backbone", lambda name, weights=None: network)
    monkeypatch.setattr(from_features, "require_lite", lambda: None)
    check_difficulty(DIFFICULTIES.make(name))


def test_the_real_backbone_keeps_it_too() -> None:
    try:
        check_difficulty(DIFFICULTIES.make("difficulty-features", {"grid": 14}))
    except (MissingExtraError, InputError) as error:
        pytest.skip(str(error))


@dataclass(frozen=True, kw_only=True)
class Brightness(Difficulty):
    """Mean of the true image; what a difficulty should be."""

    info: ClassVar[SignalInfo] = difficulty_info("brightness", "brightness", "1", "x", "test")

    def of(self, batch: RecordBatch) -> Floats:
        return np.asarray(batch.truths.double().mean(dim=(1, 2, 3)).numpy())


@dataclass(frozen=True, kw_only=True)
class Coupled(Brightness):
    """Breaks the contract: depends on the other records of the batch."""

    def of(self, batch: RecordBatch) -> Floats:
        values = super().of(batch)
        return values - values.mean()


@dataclass(frozen=True, kw_only=True)
class Asks(Brightness):
    """Breaks the contract: says that it asks the model."""

    info: ClassVar[SignalInfo] = replace(Brightness.info, queries_model=True)


def test_a_sound_difficulty_passes() -> None:
    check_difficulty(Brightness())


@pytest.mark.parametrize(
    ("difficulty", "complaint"),
    [(Coupled(), "batching changes values"), (Asks(), "never asks the model")],
    ids=repr,
)
def test_the_contract_catches(difficulty: Difficulty, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_difficulty(difficulty)
