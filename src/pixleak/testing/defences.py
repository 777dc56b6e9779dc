"""Checks that a defence keeps its contract.

For authors of defences, here and elsewhere::

    from pixleak.testing import check_defence

    def test_my_defence():
        check_defence(MyDefence(strength=0.5))

Passing them is necessary and not sufficient: give the defence a test that it does what it says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

import torch
from torch import nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.registry import made
from pixleak.core.truth import Kind
from pixleak.records.base import Records
from pixleak.targets.base import Target
from pixleak.targets.restricted import restricted
from pixleak.targets.target_for import target_for
from pixleak.testing.common import assert_kebab_case, assert_value_object
from pixleak.testing.worlds.records import bright_squares, smoothed_noise
from pixleak.training.defence import (
    Defence,
    DefenceSide,
    check_defences,
    described,
    modified_recipe,
)
from pixleak.training.loop.fit import fit
from pixleak.training.loop.trainer import Trainer
from pixleak.training.recipe import Recipe
from pixleak.training.trained import Trained
from pixleak.training.untrained import untrained

RECIPES: dict[Kind, Recipe] = {
    "labels": Recipe(network="tiny", epochs=1, batch_size=4),
    "image": Recipe(network="tiny", loss="l1", epochs=1, batch_size=4),
}
"""What is defended: the quickest training there is."""

ACCESSES: dict[Kind, tuple[Access, ...]] = {
    "labels": (Access.LABEL, Access.PROBABILITY, Access.LOGIT),
    "image": (Access.IMAGE,),
}


def check_defence(defence: Defence, kinds: Sequence[Kind] | None = None) -> None:
    """Run every contract check that applies to the defence.

    Args:
        defence: with the parameters to check it at.
        kinds: of truth to check it on; None: those that its class says.

    Raises:
        AssertionError: with the check that failed, and how.
        MissingExtraError: it needs a package that is not installed.
    """
    check_description(defence)
    for kind in get_args(Kind) if kinds is None else kinds:
        if defence.on not in (kind, "any"):
            continue
        if defence.side == "training":
            check_training(defence, kind)
            check_changes_training(defence, kind)
        else:
            check_leaves_training(defence, kind)
        check_reserve(defence, kind)
        check_answers(defence, kind)


def check_description(defence: Defence) -> None:
    """It says what it is, and can be made again from its settings."""
    name = defence.name
    assert_kebab_case(name)
    assert_value_object(defence)
    for field in ("title", "summary", "source"):
        assert getattr(defence, field).strip(), f"{name}: {field} is empty"
    assert not defence.summary.endswith("."), f"{name}: the summary ends with a full stop"
    assert defence.side in get_args(DefenceSide), f"{name}: side is {defence.side!r}"
    written = json.loads(json.dumps(defence.settings))
    again = made("defence", name, type(defence), written["options"])
    assert again == defence, f"{name}: made again from its settings, it is another"
    assert defence.description.startswith(name), f"{name}: its description starts otherwise"


def check_training(defence: Defence, kind: Kind) -> None:
    """Training is repeatable, moves no global generator, and keeps the architecture."""
    name, (records, reserve) = defence.name, _records(kind)
    state = torch.get_rng_state()
    trained = _train(defence, kind, records, reserve)
    assert torch.equal(state, torch.get_rng_state()), f"{name}: training moves torch's generator"
    again = _train(defence, kind, records, reserve)
    assert _same(trained, again), f"{name}: training twice from one seed gives two models"
    recipe = modified_recipe(RECIPES[kind], (defence,))
    weights = trained.module.state_dict()
    shapes = {key: value.shape for key, value in _untrained(recipe, records).state_dict().items()}
    assert {key: value.shape for key, value in weights.items()} == shapes, (
        f"{name}: the trained module has another architecture than the recipe says"
    )
    finite = all(bool(value.isfinite().all()) for value in weights.values())
    assert finite, f"{name}: a trained weight is not finite"
    assert not trained.module.training, f"{name}: the module is left in training mode"
    epochs = len(trained.epoch_losses)
    assert 1 <= epochs <= recipe.epochs, f"{name}: {epochs} losses of {recipe.epochs} epochs"
    json.dumps(dict(trained.facts))


def check_changes_training(defence: Defence, kind: Kind) -> None:
    """It changes the recipe or steps of the training, and what the training is known by."""
    recipe, steps = RECIPES[kind], defence.trainer()
    assert steps is None or issubclass(steps, Trainer), f"{defence.name}: trainer is no Trainer"
    changes = steps is not None or defence.modify_recipe(recipe) != recipe
    assert changes, f"{defence.name}: side is training, but it changes neither recipe nor steps"
    known = described(recipe, (defence,)) != described(recipe, ())
    assert known, f"{defence.name}: a defended training is taken for a bare one"


def check_leaves_training(defence: Defence, kind: Kind) -> None:
    """A defence of the output side leaves the training alone."""
    recipe = RECIPES[kind]
    assert defence.modify_recipe(recipe) == recipe, f"{defence.name}: it changes the recipe"
    assert defence.trainer() is None, f"{defence.name}: it changes the training"
    assert not defence.needs_reserve, f"{defence.name}: it trains nothing, but needs a reserve"


def check_reserve(defence: Defence, kind: Kind) -> None:
    """Where it needs a reserve, a training without one is refused."""
    if not defence.needs_reserve:
        return
    records, _ = _records(kind)
    try:
        check_defences((defence,), RECIPES[kind], records.truth, reserve=False)
    except InputError:
        return
    raise AssertionError(f"{defence.name}: it needs a reserve, but is accepted without one")


def check_answers(defence: Defence, kind: Kind) -> None:
    """The defended target reveals what was declared, and the same for a record on its own."""
    name, (records, _) = defence.name, _records(kind)
    images = records.batch(range(5)).images
    answered = 0
    for access in ACCESSES[kind]:
        inner = _target(records, access)
        try:
            granted = defence.access_after(access)
        except InputError:
            try:
                defence.wrap_target(inner)
            except InputError:
                continue
            raise AssertionError(
                f"{name}: it refuses {access} access, but not a target that grants it"
            ) from None
        target = defence.wrap_target(inner)
        assert target.access is granted, f"{name}: of {access}, it grants {target.access}"
        same = (target.truth, target.name) == (inner.truth, inner.name)
        assert same, f"{name}: the defended target has another truth or name"
        try:
            values = target.predict(images).values
        except InputError as error:  # predict checks the answer against the declaration
            raise AssertionError(f"{name}: {error}") from error
        alone = torch.cat([target.predict(one[None]).values for one in images])
        close = torch.allclose(alone.double(), values.double(), rtol=1e-4, atol=1e-5)
        assert close, f"{name}: an answer depends on the other records of the batch"
        answered += 1
    assert answered, f"{name}: it refuses every access"


def _records(kind: Kind) -> tuple[Records, Records]:
    """Training records and a reserve."""
    if kind == "labels":
        return bright_squares(16, (16, 16)), bright_squares(12, (16, 16), seed=7)
    return smoothed_noise(8, 32), smoothed_noise(8, 32, seed=7)


def _train(defence: Defence, kind: Kind, records: Records, reserve: Records) -> Trained:
    check_defences((defence,), RECIPES[kind], records.truth, reserve=True)
    recipe = modified_recipe(RECIPES[kind], (defence,))
    return fit(recipe, records, seed=0, defences=(defence,), reserve=reserve)


def _untrained(recipe: Recipe, records: Records) -> nn.Module:
    channels, height, width = records[0].image.shape
    return untrained(recipe, channels, records.truth, (height, width), seed=0)


def _target(records: Records, access: Access) -> Target:
    kind: Kind = "image" if access.of_images else "labels"
    module = _untrained(RECIPES[kind], records).eval()
    if access.of_images:
        return target_for(module, records.truth, access)
    return restricted(target_for(module, records.truth, Access.LOGIT), access)


def _same(one: Trained, other: Trained) -> bool:
    """Whether all weights and buffers agree, bit for bit, those of companions too."""
    pairs = [(one.module, other.module)]
    pairs += [(module, other.companions[name]) for name, module in one.companions.items()]
    return all(
        a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())
        for a, b in ((left.state_dict(), right.state_dict()) for left, right in pairs)
    )
