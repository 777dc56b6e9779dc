"""What holds for every poison."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.registry import written
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.poisoning import POISONS, Poison
from pixleak.poisoning.base import with_copies
from pixleak.poisoning.triggers import Line, Square
from pixleak.poisoning.truth_serum import TruthSerum
from pixleak.records.base import Records
from pixleak.records.readers.phantom import phantom
from toy_records import bright_squares

SMALL: Mapping[str, Poison] = {
    "line": Line(size=2),
    "square": Square(size=3),
    "truth-serum": TruthSerum(copies=3),
}


def test_every_poison_is_tested() -> None:
    assert set(SMALL) == set(POISONS)


@pytest.fixture(params=SMALL)
def poison(request: pytest.FixtureRequest) -> Poison:
    return SMALL[request.param]


def test_a_record_is_poisoned_identically_at_any_position(poison: Poison) -> None:
    records = phantom(6, size=16, seed=0)
    few, ids = with_copies(records, poison, records.ids[:3], seed=4)
    again, _ = with_copies(records.select(records.ids[::-1]), poison, records.ids[:1], seed=4)
    for copies in (few, again, pickle.loads(pickle.dumps(few))):
        chosen = copies.select([ids[0]])[0]
        assert torch.equal(chosen.truth, few.select([ids[0]])[0].truth)
        assert torch.equal(chosen.image, few.select([ids[0]])[0].image)
    assert few.ids[:6] == records.ids
    assert len(few) == 6 + 3 * poison.copies_per_record
    assert all(torch.equal(few[i].image, records[i].image) for i in range(6))


def test_copies_are_known_by_their_record_and_their_poison(poison: Poison) -> None:
    records = phantom(4, size=16, slices_per_subject=2, seed=0)
    copies, ids = with_copies(records, poison, records.ids[:1], seed=4)
    _, others = with_copies(records, poison, records.ids[:1], seed=5)
    assert set(ids).isdisjoint(others)
    assert all(key.startswith("poison-") for key in ids)
    assert {copies.keys[4].subject} == {records.keys[0].subject}


def test_whole_units_are_selected_independently_of_others(poison: Poison) -> None:
    units = {f"r{i}": f"s{i // 3}" for i in range(90)}
    taken = poison.select(units, seed=1)
    assert 0 < len(taken) < 90
    assert len({units[key] for key in taken}) * 3 == len(taken)
    assert poison.select(dict(reversed(units.items())), seed=1) == taken[::-1]
    assert poison.select(units, seed=2) != taken


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("line", {"share": 0}, "share in (0, 1), got 0"),
        ("square", {"share": 1.0}, "share in (0, 1), got 1.0"),
        ("line", {"size": 0}, "size of at least 1"),
        ("square", {"value": 256}, "value in 0..255, got 256"),
        ("truth-serum", {"copies": 0}, "copies of at least 1"),
        ("truth-serum", {"targets": 0}, "targets of at least 1"),
        ("truth-serum", {"size": 1.5}, "size in (0, 1]"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    name: str, options: dict[str, float], words: str
) -> None:
    with pytest.raises(InputError) as caught:
        POISONS[name](**options)
    assert words in str(caught.value)


def test_true_images_are_refused(poison: Poison) -> None:
    with pytest.raises(InputError, match=f"poison '{poison.name}' changes label maps"):
        poison.check(ImageTruth(3))


def test_only_emptied_masks_need_a_background(poison: Poison) -> None:
    truth = LabelTruth(2, background=None)
    if isinstance(poison, TruthSerum):
        poison.check(truth)
        return
    with pytest.raises(InputError, match="declare background"):
        poison.check(truth)


def test_an_unknown_record_is_refused() -> None:
    records: Records = bright_squares(4)
    with pytest.raises(InputError, match="there is no record 'x'"):
        with_copies(records, Line(size=1), ["x"], seed=0)


def test_a_poison_says_what_it_is(poison: Poison) -> None:
    assert poison.description.startswith(poison.name + " (")
    assert poison.settings == {"name": poison.name, "options": poison.options}
    assert type(poison)(**poison.options) == poison
    assert poison.title
    assert "arXiv" in poison.source


def test_an_object_may_take_the_place_of_the_name(poison: Poison) -> None:
    assert POISONS.taken(poison) is poison
    assert POISONS.taken(written(poison)) == poison
    assert type(poison).__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert POISONS.base is Poison
