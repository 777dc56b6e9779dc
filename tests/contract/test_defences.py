"""Every defence of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.registry import written
from pixleak.core.truth import Kind
from pixleak.defences import DEFENCES, Defence
from pixleak.defences.output.noise import Noise
from pixleak.defences.training.weight_decay import WeightDecay
from pixleak.targets.base import Target
from pixleak.testing import check_defence
from pixleak.training.recipe import Recipe

OF_IMAGES: dict[str, dict[str, object]] = {
    "relax-loss": {"alpha": 0.05},
    "noise": {"sigma": 0.02},
}
"""Options whose defaults are in a segmenter's units."""

KINDS: dict[str, tuple[Kind, ...]] = {
    "labels": ("labels",),
    "image": ("image",),
    "any": ("labels", "image"),
}
CASES = [(name, kind) for name, one in DEFENCES.items() for kind in KINDS[one.on]]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_defences_keep_the_contract(name: str, kind: Kind) -> None:
    options = OF_IMAGES.get(name) if kind == "image" else None
    check_defence(DEFENCES.make(name, options), [kind])


@pytest.mark.parametrize("name", DEFENCES)
def test_a_defence_is_one_file_that_names_its_source(name: str) -> None:
    kind = DEFENCES[name]
    assert set(kind.excludes) <= set(DEFENCES)
    assert kind.__module__.split(".")[-1] == name.replace("-", "_")
    module = __import__(kind.__module__, fromlist=["__doc__"]).__doc__
    assert "Source:" in module


@pytest.mark.parametrize("name", DEFENCES)
def test_an_object_may_take_the_place_of_the_name(name: str) -> None:
    defence = DEFENCES.make(name)
    assert DEFENCES.taken(defence) is defence
    assert DEFENCES.taken(written(defence)) == defence
    with pytest.raises(InputError, match="is a class: give an object"):
        DEFENCES.taken(DEFENCES[name])


@dataclass(frozen=True, kw_only=True)
class Nothing(Defence):
    """Breaks the contract: says that it changes the training."""

    name: ClassVar[str] = "nothing"
    title: ClassVar[str] = "Nothing"
    summary: ClassVar[str] = "for tests"
    source: ClassVar[str] = "test"
    side: ClassVar = "training"


@dataclass(frozen=True, kw_only=True)
class Longer(WeightDecay):
    """Breaks the contract: of the output side, but trains longer."""

    side: ClassVar = "output"

    def modify_recipe(self, recipe: Recipe) -> Recipe:
        return recipe.model_copy(update={"epochs": recipe.epochs + 1})


@dataclass(frozen=True, kw_only=True)
class Secretive(Noise):
    """Breaks the contract: declares less access than it grants."""

    def access_after(self, given: Access) -> Access:
        super().access_after(given)
        return Access.LABEL

    def wrap_target(self, target: Target) -> Target:
        return Noise().wrap_target(target)


@dataclass(frozen=True, kw_only=True)
class Needy(WeightDecay):
    """Needs a reserve."""

    needs_reserve: ClassVar[bool] = True


def test_a_defence_with_a_reserve_passes() -> None:
    check_defence(Needy(), ["labels"])


@pytest.mark.parametrize(
    ("defence", "complaint"),
    [
        (Nothing(), "changes neither recipe nor steps"),
        (Longer(), "it changes the recipe"),
        (Secretive(), "of probability, it grants probability"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_contract_catches(defence: Defence, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_defence(defence, ["labels"])
