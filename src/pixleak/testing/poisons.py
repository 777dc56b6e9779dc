"""Checks that a poison keeps its contract.

For authors of poisons, here and elsewhere::

    from pixleak.testing import check_poison

    def test_my_poison():
        check_poison(MyPoison(share=0.1))

Passing them is necessary and not sufficient: give the poison one example worked by hand as well.
"""

from __future__ import annotations

import json
import pickle

import torch

from pixleak.core.registry import made
from pixleak.core.truth import LabelTruth
from pixleak.poisoning.base import Poison, with_copies
from pixleak.records.base import Records
from pixleak.testing.common import assert_kebab_case, assert_value_object
from pixleak.testing.worlds.records import bright_squares


def check_poison(poison: Poison) -> None:
    """Run every contract check.

    Args:
        poison: with the parameters to check it at; it is applied to images of 32 x 32.

    Raises:
        AssertionError: with the check that failed, and how.
    """
    records = bright_squares(6, (32, 32))
    check_description(poison)
    check_selection(poison)
    check_records(poison, records)
    check_copies(poison, records)


def check_description(poison: Poison) -> None:
    """It says what it is, and can be made again from its settings."""
    name = poison.name
    assert_kebab_case(name)
    assert_value_object(poison)
    for field in ("title", "summary", "source", "success_description"):
        assert getattr(poison, field).strip(), f"{name}: {field} is empty"
    assert 0 < poison.success_threshold <= 1, f"{name}: success_threshold is not in (0, 1]"
    assert poison.copies_per_record >= 1, f"{name}: it makes no copy"
    written = json.loads(json.dumps(poison.settings))
    again = made("poison", name, type(poison), written["options"])
    assert again == poison, f"{name}: made again from its settings, it is another"


def check_selection(poison: Poison) -> None:
    """Whole units are selected, independently of their order; another seed selects others."""
    units = {f"r{i}": f"s{i // 3}" for i in range(900)}
    taken = poison.select(units, seed=1)
    assert taken, f"{poison.name}: of 900 records it takes none"
    whole = len({units[key] for key in taken}) * 3 == len(taken)
    assert whole, f"{poison.name}: it takes a part of a unit"
    backwards = poison.select(dict(reversed(units.items())), seed=1)
    assert backwards == taken[::-1], f"{poison.name}: what it takes depends on the order"
    if len(taken) < len(units):
        others = poison.select(units, seed=2)
        assert others != taken, f"{poison.name}: it takes the same records whatever the seed"


def check_records(poison: Poison, records: Records) -> None:
    """A poisoned record is a record, drawn from seed and id alone; the original is left alone."""
    name, truth = poison.name, records.truth
    assert isinstance(truth, LabelTruth)
    for record in records:
        image, labels = record.image.clone(), record.truth.clone()
        first, second = (
            poison.apply(record.key.id, image, labels, truth, seed=4) for _ in range(2)
        )
        untouched = torch.equal(image, record.image) and torch.equal(labels, record.truth)
        assert untouched, f"{name} alters what it is given"
        same = torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
        assert same, f"{name}: one record is poisoned in two ways"
        fits = first[0].shape == image.shape and first[1].shape == labels.shape
        assert fits, f"{name}: it changes the size of a record"
        low, high = float(first[0].min()), float(first[0].max())
        assert 0 <= low <= high <= 1, f"{name}: a poisoned image spans {low:g}..{high:g}"
        known = 0 <= int(first[1].min()) <= int(first[1].max()) < truth.classes
        assert known, f"{name}: a poisoned label map holds an unknown class"
        effect = poison.effect(labels, first[1], labels, first[1], truth)
        assert effect is None or 0 <= effect <= 1, f"{name}: effect is {effect}, not in [0, 1]"


def check_copies(poison: Poison, records: Records) -> None:
    """Copies follow the originals, are known by record and seed, and survive pickling."""
    name, ids = poison.name, records.ids[:3]
    together, copies = with_copies(records, poison, ids, seed=4)
    assert len(copies) == len(ids) * poison.copies_per_record, f"{name}: copies are missing"
    assert together.ids == (*records.ids, *copies), f"{name}: copies do not follow the originals"
    _, others = with_copies(records, poison, ids, seed=5)
    assert set(copies).isdisjoint(others), f"{name}: copies of two seeds have one id"
    few, _ = with_copies(records.select(records.ids[::-1]), poison, ids[:1], seed=4)
    for some in (few, pickle.loads(pickle.dumps(few))):
        one, other = (found.select([copies[0]])[0] for found in (together, some))
        same = torch.equal(one.image, other.image) and torch.equal(one.truth, other.truth)
        assert same, f"{name}: a record is poisoned otherwise among other records"
