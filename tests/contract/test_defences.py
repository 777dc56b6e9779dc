"""What every defence promises: to be told again, and to leave the architecture as it was."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest
import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.registry import made
from pixleak.defences import DEFENCES
from pixleak.targets.base import Target
from pixleak.targets.restricted import restricted
from pixleak.targets.target_for import target_for
from pixleak.training.defence import Defence, check_defences, described, modified_recipe
from pixleak.training.loop.trainer import Trainer
from pixleak.training.recipe import Recipe
from pixleak.training.trained import Trained
from pixleak.training.untrained import untrained
from toy_records import bright_squares
from trainings import defended, pictures, same

SEGMENTERS, GENERATORS = bright_squares(16, size=(16, 16)), pictures(8, size=32)
RESERVE = {
    "labels": bright_squares(12, size=(16, 16), seed=7),
    "image": pictures(8, size=32, seed=7),
}
SIZES = {"labels": (16, 16), "image": (32, 32)}
BARE = {
    "labels": Recipe(network="tiny", epochs=1, batch_size=4),
    "image": Recipe(network="tiny", loss="l1", epochs=1, batch_size=4),
}
OF_IMAGES: dict[str, dict[str, object]] = {
    "relax-loss": {"alpha": 0.05},
    "noise": {"sigma": 0.02},
}
"""Options whose defaults are in a segmenter's units."""

KINDS = {"labels": ("labels",), "image": ("image",), "any": ("labels", "image")}
CASES = [(name, kind) for name, one in DEFENCES.items() for kind in KINDS[one.on]]
TRAINING = [case for case in CASES if DEFENCES[case[0]].side == "training"]
ACCESSES = {
    "labels": (Access.LABEL, Access.PROBABILITY, Access.LOGIT),
    "image": (Access.IMAGE,),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def of(name: str, kind: str = "labels") -> Defence:
    options = OF_IMAGES.get(name, {}) if kind == "image" else {}
    defence = made("defence", name, DEFENCES[name], options)
    assert isinstance(defence, Defence)
    return defence


def train(name: str, kind: str) -> Trained:
    records = SEGMENTERS if kind == "labels" else GENERATORS
    return defended(BARE[kind], records, of(name, kind), reserve=RESERVE[kind])


@pytest.mark.parametrize("name", DEFENCES)
def test_a_defence_says_what_it_is(name: str) -> None:
    kind = DEFENCES[name]
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert kind.name == name == name.lower()
    assert kind.title
    assert kind.summary
    assert not kind.summary.endswith(".")
    assert kind.source
    assert kind.side in ("training", "output")
    assert set(kind.excludes) <= set(DEFENCES)
    assert kind.__module__.split(".")[-1] == name.replace("-", "_")
    module = __import__(kind.__module__, fromlist=["__doc__"]).__doc__
    assert "Source:" in module


@pytest.mark.parametrize("name", DEFENCES)
def test_a_defence_can_be_told_again(name: str) -> None:
    defence = of(name)
    told = json.loads(json.dumps(defence.settings))
    assert told["name"] == name
    assert made("defence", name, DEFENCES[name], told["options"]) == defence
    assert pickle.loads(pickle.dumps(defence)) == defence
    assert set(told["options"]) == {one.name for one in fields(defence)}
    assert defence.description.startswith(name)


@pytest.mark.parametrize(("name", "kind"), TRAINING)
def test_training_is_repeatable_and_keeps_the_architecture(name: str, kind: str) -> None:
    records = SEGMENTERS if kind == "labels" else GENERATORS
    global_state = torch.get_rng_state()
    trained = train(name, kind)
    assert torch.equal(global_state, torch.get_rng_state())
    assert same(trained, train(name, kind))
    recipe = modified_recipe(BARE[kind], (of(name, kind),))
    channels, *size = records[0].image.shape
    blank = untrained(recipe, channels, records.truth, (size[0], size[1]), seed=0)
    shapes = {key: value.shape for key, value in blank.state_dict().items()}
    assert {key: v.shape for key, v in trained.module.state_dict().items()} == shapes
    assert not trained.module.training
    assert all(value.isfinite().all() for value in trained.module.state_dict().values())
    assert 1 <= len(trained.epoch_losses) <= recipe.epochs
    json.dumps(dict(trained.facts))


@pytest.mark.parametrize(("name", "kind"), TRAINING)
def test_a_training_side_defence_changes_the_training(name: str, kind: str) -> None:
    defence, recipe = of(name, kind), BARE[kind]
    steps = defence.trainer()
    assert steps is None or issubclass(steps, Trainer)
    assert steps is not None or defence.modify_recipe(recipe) != recipe
    assert described(recipe, (defence,)) != described(recipe, ())


@pytest.mark.parametrize("name", [n for n, one in DEFENCES.items() if one.needs_reserve])
def test_a_reserve_that_is_needed_is_asked_for(name: str) -> None:
    kind = KINDS[DEFENCES[name].on][0]
    records = SEGMENTERS if kind == "labels" else GENERATORS
    with pytest.raises(InputError, match=r"split\.reserve"):
        check_defences((of(name),), BARE[kind], records.truth, reserve=False)


def served(name: str, kind: str, access: Access) -> tuple[Target, Target] | None:
    """A defended target and what is behind it, or None where it refuses such access."""
    records = SEGMENTERS if kind == "labels" else GENERATORS
    module = untrained(BARE[kind], records[0].image.shape[0], records.truth, SIZES[kind], seed=0)
    first = access if access.of_images else Access.LOGIT
    target: Target = target_for(module.eval(), records.truth, first)
    if kind == "labels":
        target = restricted(target, access)
    defence = of(name, kind)
    try:
        granted = defence.access_after(access)
    except InputError:
        with pytest.raises(InputError):
            defence.wrap_target(target)
        return None
    answering = defence.wrap_target(target)
    assert answering.access is granted
    return answering, target


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_what_is_served_is_what_was_declared(name: str, kind: str) -> None:
    records = SEGMENTERS if kind == "labels" else GENERATORS
    images = records.batch(range(5)).images
    answered = 0
    for access in ACCESSES[kind]:
        pair = served(name, kind, access)
        if pair is None:
            continue
        answering, behind = pair
        assert (answering.truth, answering.name) == (behind.truth, behind.name)
        # predict holds the answer against the declaration.
        values = answering.predict(images).values
        channels = {Access.LABEL: (), Access.IMAGE: (1,)}.get(answering.access, (2,))
        assert values.shape == (5, *channels, *SIZES[kind])
        alone = torch.cat([answering.predict(one[None]).values for one in images])
        torch.testing.assert_close(alone, values)
        answered += 1
    assert answered


@pytest.mark.parametrize("name", [n for n, one in DEFENCES.items() if one.side == "output"])
def test_an_output_side_defence_leaves_the_training_alone(name: str) -> None:
    defence = of(name)
    recipe = BARE["labels"]
    assert defence.modify_recipe(recipe) == recipe
    assert defence.trainer() is None
    assert not defence.needs_reserve
