"""Every training method of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import brightness_script
import own_training
from pixel_method import PixelRegression
from pixleak.records.base import Records
from pixleak.testing import check_training_method
from pixleak.testing.worlds.records import smoothed_noise
from pixleak.training import (
    METHODS,
    Recipe,
    TrainingCommand,
    TrainingFunction,
    TrainingMethod,
)
from pixleak.training.trained import Trained

QUICK: dict[str, TrainingMethod] = {
    "recipe": Recipe(network="tiny", epochs=2, batch_size=4),
    "function": TrainingFunction(function=own_training.train, options={"epochs": 1}),
    "command": TrainingCommand(
        command=f"{{python}} {brightness_script.__file__} {{records}} {{seed}} {{out}}",
        load=brightness_script.load,
        make=brightness_script.make,
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_training_methods_keep_the_contract(name: str) -> None:
    check_training_method(QUICK[name])


def test_so_does_a_recipe_for_generators_and_a_method_from_elsewhere() -> None:
    generator = Recipe(network="tiny", loss="l1", epochs=1, batch_size=4)
    check_training_method(generator, smoothed_noise(6))
    check_training_method(PixelRegression())


class Unseeded(Recipe):
    """Breaks the contract: every training has a seed of its own."""

    def train(self, records: Records, *, seed: int, **options: Any) -> Trained:
        return super().train(records, seed=int(torch.empty(1).random_().item()) % 1000, **options)


class Quiet(Recipe):
    """Breaks the contract: announces epochs that it does not report."""

    def train(self, records: Records, *, on_epoch: Any = None, **options: Any) -> Trained:
        return super().train(records, **options)


class Lossy(Recipe):
    """Breaks the contract: the loaded model is another."""

    def load(self, path: Path) -> torch.nn.Module:
        module = super().load(path)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.mul_(0.5)
        return module


class Littering(Recipe):
    """Breaks the contract: leaves a file that it does not announce."""

    def save(self, trained: Trained, records: Records, path: Path) -> None:
        super().save(trained, records, path)
        path.with_name("notes.txt").write_text("done")


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (Unseeded, "moves torch's generator|gives two models"),
        (Quiet, "it reports 0 of 1 epochs"),
        (Lossy, "a loaded model answers otherwise"),
        (Littering, r"save\(\) wrote"),
    ],
)
def test_the_contract_catches(kind: type[Recipe], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_training_method(kind(network="tiny", epochs=1, batch_size=4))
