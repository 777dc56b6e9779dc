"""The student generator learns its teacher's outputs on the reserve."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pixleak.defences.training.adversarial_distillation import (
    AdversarialDistillation,
    AdversarialDistillationTrainer,
)
from pixleak.records.base import Records
from pixleak.training.adversary import Adversary
from pixleak.training.recipe import Recipe
from trainings import defended, interrupted, pictures, same

GENERATOR = Recipe(
    network={"name": "pix2pix", "options": {"width": 4, "depth": 3}},
    adversary={"name": "pix2pix", "width": 4, "layers": 1},
    epochs=3,
    batch_size=4,
)


def shifted(records: Records) -> Records:
    """The same keys and images with other truths: what nobody may have looked at."""
    return Records(
        records.keys,
        lambda i: (records[i].image, records[(i + 1) % len(records)].truth),
        records.truth,
        records.name,
    )


def test_a_generators_student_learns_its_teachers_pictures() -> None:
    records, reserve = pictures(8), pictures(6, seed=1)
    defence = AdversarialDistillation()
    trainer = AdversarialDistillationTrainer(
        GENERATOR, records, seed=0, defences=(defence,), reserve=reserve
    )
    trainer.before(None, None)
    assert trainer.records.ids == reserve.ids
    with torch.no_grad():
        made = trainer.teacher(torch.stack([r.image for r in reserve]))
    torch.testing.assert_close(torch.stack([r.truth for r in trainer.records]), made)
    student = defended(GENERATOR, records, defence, reserve=reserve)
    assert "discriminator" in student.companions
    assert student.facts["records distilled on"] == 6
    # The reserve's own true pictures are not looked at.
    assert same(student, defended(GENERATOR, records, defence, reserve=shifted(reserve)))
    assert not same(student, defended(GENERATOR, shifted(records), defence, reserve=reserve))


def test_a_generators_student_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, reserve, defence = pictures(8), pictures(6, seed=1), AdversarialDistillation()
    whole = defended(GENERATOR, records, defence, reserve=reserve)
    again = interrupted(monkeypatch, tmp_path, GENERATOR, records, defence, reserve=reserve)
    assert same(whole, again)


def test_a_recipe_without_adversary_is_given_one() -> None:
    recipe = GENERATOR.model_copy(update={"adversary": None})
    changed = AdversarialDistillation(width=8, layers=2).modify_recipe(recipe)
    assert changed.adversary == Adversary(name="pix2pix", width=8, layers=2)
    assert AdversarialDistillation().modify_recipe(GENERATOR) == GENERATOR
