"""Trainings to compare: by their weights, and after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.training.defence import Defence, check_defences, modified_recipe
from pixleak.training.loop import trainer as trainer_module
from pixleak.training.loop.fit import fit
from pixleak.training.recipe import Recipe
from pixleak.training.trained import Trained

TINY = Recipe(network="tiny", epochs=3, batch_size=4, lr=0.01)


class Stop(Exception):
    pass


def defended(
    recipe: Recipe,
    records: Records,
    *defences: Defence,
    reserve: Records | None = None,
    seed: int = 0,
    **options: object,
) -> Trained:
    """Trained as an audit does it."""
    check_defences(defences, recipe, records.truth, reserve=reserve is not None)
    return fit(
        modified_recipe(recipe, defences),
        records,
        seed=seed,
        defences=defences,
        reserve=reserve,
        **options,  # type: ignore[arg-type]
    )


def same(one: Trained, other: Trained) -> bool:
    """Whether all weights and buffers agree, bit for bit, those of companions too."""
    pairs = [(one.module, other.module)]
    pairs += [(module, other.companions[name]) for name, module in one.companions.items()]
    return all(
        a.keys() == b.keys() and all(torch.equal(value, b[key]) for key, value in a.items())
        for a, b in ((left.state_dict(), right.state_dict()) for left, right in pairs)
    )


def interrupted(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    recipe: Recipe,
    records: Records,
    *defences: Defence,
    reserve: Records | None = None,
    at: int = 2,
    seed: int = 0,
) -> Trained:
    """Broken off in an epoch, whose work is lost, and gone on with."""
    monkeypatch.setattr(trainer_module, "SAVED_EVERY", 0.0)
    path = folder / "weights.partial"

    def stop(epoch: int, loss: float) -> None:
        if epoch == at:
            raise Stop

    with pytest.raises(Stop):
        defended(
            recipe, records, *defences, reserve=reserve, seed=seed, partial=path, on_epoch=stop
        )
    assert path.is_file()
    seen: list[int] = []
    trained = defended(
        recipe,
        records,
        *defences,
        reserve=reserve,
        seed=seed,
        partial=path,
        on_epoch=lambda epoch, loss: seen.append(epoch),
    )
    assert seen[0] == at
    return trained


def refused(sentence: str, recipe: Recipe, records: Records, *defences: Defence) -> None:
    """Refused before anything is trained."""
    with pytest.raises(InputError, match=sentence):
        check_defences(defences, recipe, records.truth, reserve=True)


def pictures(count: int = 8, size: int = 16, channels: int = 2, seed: int = 0) -> Records:
    """Noise, and its smoothed mean as the picture to make of it."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(count, channels, size, size, generator=generator)
    outputs = torch.nn.functional.avg_pool2d(inputs, 3, 1, 1).mean(dim=1, keepdim=True)
    keys = [RecordKey(f"p{i}") for i in range(count)]
    return Records(keys, lambda i: (inputs[i], outputs[i]), ImageTruth(1), "pictures")
