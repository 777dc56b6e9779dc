"""Every poison by an example worked out by hand, and what holds for all of them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.poisoning import POISONS, Poison
from pixleak.poisoning.base import with_copies
from pixleak.poisoning.triggers import Line, Square
from pixleak.poisoning.truth_serum import TruthSerum
from pixleak.records.base import Records
from pixleak.records.readers.phantom import phantom
from toy_records import bright_squares

BINARY = LabelTruth(2)
SMALL: Mapping[str, Poison] = {
    "line": Line(size=2),
    "square": Square(size=3),
    "truth-serum": TruthSerum(copies=3),
}


def altered(poison: Poison, image: Tensor, labels: Tensor, truth: LabelTruth, seed: int = 0):  # type: ignore[no-untyped-def]
    return poison.apply("a", image, labels, truth, seed=seed)


def test_line_by_hand() -> None:
    # 51 / 255 = 0.2 in the last row of both channels; the mask keeps its corner only.
    image, labels = torch.zeros(2, 3, 3), torch.ones(3, 3, dtype=torch.int64)
    poisoned, emptied = altered(Line(size=1, value=51), image, labels, BINARY)
    assert poisoned.tolist() == [[[0, 0, 0], [0, 0, 0], [pytest.approx(0.2)] * 3]] * 2
    assert emptied.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert image.sum() == 0
    assert labels.sum() == 9


def test_square_by_hand() -> None:
    image, labels = torch.zeros(1, 3, 4), torch.ones(3, 4, dtype=torch.int64)
    poisoned, emptied = altered(Square(size=2), image, labels, BINARY)
    assert poisoned[0].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]
    assert emptied.nonzero().tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("background", "ignore", "corner"), [(0, None, 1), (2, None, 0), (0, 255, 1), (1, -1, 0)]
)
def test_the_corner_is_of_the_first_class_that_is_not_background(
    background: int, ignore: int | None, corner: int
) -> None:
    truth = LabelTruth(4, ignore=ignore, background=background)
    labels = torch.full((4, 4), 3)
    labels[0, 0] = 3 if ignore is None else ignore
    _, emptied = altered(Line(size=1), torch.zeros(1, 4, 4), labels, truth)
    assert emptied[-1, -1] == corner
    assert (emptied == background).sum() == 15


def test_a_triggers_effect_by_hand() -> None:
    truth = LabelTruth(2, ignore=9)
    labels = torch.zeros(3, 3, dtype=torch.int64)
    labels[0, 0] = 9
    clean = torch.ones(3, 3, dtype=torch.int64)
    asked = torch.zeros(3, 3, dtype=torch.int64)
    asked[0, 0] = asked[0, 1] = asked[2, 2] = 1
    # Of nine pixels the ignored one and the corner do not count: 7 before, 1 after.
    effect = Line().effect(clean, asked, labels, labels, truth)
    assert effect == pytest.approx(6 / 7)
    assert Line().effect(torch.zeros_like(clean), asked, labels, labels, truth) is None
    assert Line().effect(asked, clean, labels, labels, truth) == 0


def test_truth_serum_by_hand() -> None:
    # One border, between columns 1 and 2; a square of one pixel about its left side.
    labels = torch.tensor([[1, 1, 0, 0]] * 4)
    image = torch.rand(1, 4, 4)
    same, flipped = altered(TruthSerum(size=0.25), image, labels, BINARY)
    assert torch.equal(same, image)
    (place,) = (labels != flipped).nonzero().tolist()
    assert place[1] == 1
    # The whole image: every pixel of both classes.
    _, inverted = altered(TruthSerum(size=1), image, labels, BINARY)
    assert torch.equal(inverted, 1 - labels)


def test_truth_serum_exchanges_the_two_classes_of_one_border() -> None:
    truth = LabelTruth(5, ignore=255)
    labels = torch.full((8, 8), 3)
    labels[:, 4:] = 1
    labels[:, 7] = 255
    _, flipped = altered(TruthSerum(size=0.5), torch.zeros(1, 8, 8), labels, truth)
    changed = labels != flipped
    rows, columns = changed.any(dim=1).nonzero(), changed.any(dim=0).nonzero()
    assert changed.sum() == 16
    assert int(rows.max() - rows.min()) == int(columns.max() - columns.min()) == 3
    assert (labels[changed] + flipped[changed] == 4).all()
    assert (flipped == 255).equal(labels == 255)


def test_truth_serum_without_a_border_puts_another_class_somewhere() -> None:
    truth = LabelTruth(3)
    labels = torch.full((6, 6), 1)
    found = {
        int(flipped[labels != flipped][0])
        for seed in range(20)
        for flipped in [altered(TruthSerum(), torch.zeros(1, 6, 6), labels, truth, seed)[1]]
    }
    assert found == {0, 2}


def test_truth_serums_effect_by_hand() -> None:
    labels, poisoned = torch.zeros(2, 2, dtype=torch.int64), torch.tensor([[1, 1], [1, 0]])
    asked = torch.tensor([[1, 0], [1, 1]])
    effect = TruthSerum().effect(asked, asked, labels, poisoned, BINARY)
    assert effect == pytest.approx(2 / 3)


def test_every_poison_is_tried() -> None:
    assert set(SMALL) == set(POISONS)


@pytest.fixture(params=SMALL)
def poison(request: pytest.FixtureRequest) -> Poison:
    return SMALL[request.param]


def test_a_record_is_poisoned_alike_wherever_it_stands(poison: Poison) -> None:
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


def test_whole_units_are_taken_whoever_stands_beside_them(poison: Poison) -> None:
    units = {f"r{i}": f"s{i // 3}" for i in range(90)}
    taken = poison.select(units, seed=1)
    assert 0 < len(taken) < 90
    assert len({units[key] for key in taken}) * 3 == len(taken)
    assert poison.select(dict(reversed(units.items())), seed=1) == taken[::-1]
    assert poison.select(units, seed=2) != taken


def test_a_share_of_the_records_is_taken_each_on_its_own() -> None:
    units = {f"r{i}": f"r{i}" for i in range(2000)}
    taken = Line(share=0.1).select(units, seed=0)
    # Four standard deviations of a binomial of 2000 and 0.1.
    assert abs(len(taken) - 200) < 54
    assert set(taken) < set(Line(share=0.2).select(units, seed=0))
    half = dict(list(units.items())[:1000])
    assert set(Line(share=0.1).select(half, seed=0)) == set(taken) & set(half)


def test_as_many_records_as_wanted_are_targeted() -> None:
    units = {f"r{i}": f"r{i}" for i in range(50)}
    assert len(TruthSerum(targets=20).select(units, seed=0)) == 20
    assert len(TruthSerum(targets=80).select(units, seed=0)) == 50


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


def test_only_what_empties_masks_needs_a_background(poison: Poison) -> None:
    truth = LabelTruth(2, background=None)
    if isinstance(poison, TruthSerum):
        poison.check(truth)
        return
    with pytest.raises(InputError, match="declare background"):
        poison.check(truth)


def test_a_mark_must_fit_and_its_value_must_mean_something() -> None:
    labels = torch.zeros(4, 6, dtype=torch.int64)
    with pytest.raises(InputError, match="size of 4 does not fit record 'a', whose image has 4 x"):
        altered(Line(size=4), torch.zeros(1, 4, 6), labels, BINARY)
    image = torch.zeros(1, 4, 6)
    image[0, 0, 0] = 3
    with pytest.raises(InputError, match=r"record 'a' spans 0\.\.3; rescale"):
        altered(Square(size=2), image, labels, BINARY)


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
