from __future__ import annotations

import pickle

import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.canaries import toss, with_canaries


class _Load:
    def __init__(self, classes: int, ignore: int | None) -> None:
        self.classes, self.ignore = classes, ignore

    def __call__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(index)
        labels = torch.randint(0, self.classes, (12, 8), generator=generator)
        if self.ignore is not None:
            labels[0] = self.ignore
        return torch.full((1, 12, 8), float(index)), labels


def _records(classes: int = 3, ignore: int | None = None) -> Records:
    keys = [RecordKey(f"r{i}") for i in range(6)]
    return Records(keys, _Load(classes, ignore), LabelTruth(classes, ignore))


def test_only_the_truth_of_canaries_changes() -> None:
    records = _records()
    altered = with_canaries(records, ["r2", "r4"], "shifted", seed=0)
    for before, after in zip(records, altered, strict=True):
        assert before.key == after.key
        assert torch.equal(before.image, after.image)
        same = torch.equal(before.truth, after.truth)
        assert same == (before.key.id not in ("r2", "r4"))


def test_shifted_keeps_the_labels_and_moves_them_far() -> None:
    marked = torch.zeros(12, 8, dtype=torch.int64)
    marked[0, 0] = 1
    keys = [RecordKey(f"r{i}") for i in range(40)]
    records = Records(keys, lambda i: (torch.zeros(1, 12, 8), marked), LabelTruth(2))
    places = set()
    for record in with_canaries(records, records.ids, "shifted", seed=0):
        assert record.truth.sum() == 1
        row, column = record.truth.nonzero()[0].tolist()
        assert 3 <= row <= 9
        assert 2 <= column <= 6
        places.add((row, column))
    assert len(places) > 10


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_relabelled_exchanges_every_class(classes: int) -> None:
    records = _records(classes, ignore=255)
    for before, after in zip(
        records, with_canaries(records, records.ids, "relabelled", seed=5), strict=True
    ):
        valid = before.truth != 255
        assert torch.equal(valid, after.truth != 255)
        assert (before.truth != after.truth)[valid].all()
        pairs = {
            (int(a), int(b)) for a, b in zip(before.truth[valid], after.truth[valid], strict=True)
        }
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_the_same_seed_makes_the_same_canaries_and_they_travel() -> None:
    one = with_canaries(_records(), ["r1"], "relabelled", seed=3)
    two = pickle.loads(pickle.dumps(with_canaries(_records(), ["r1"], "relabelled", seed=3)))
    assert torch.equal(one[1].truth, two[1].truth)


def test_each_is_tossed_on_its_own() -> None:
    ids = [f"c{i}" for i in range(4000)]
    heads = toss(ids, seed=0)
    # 2,000 expected, standard deviation 32: a fixed half would give exactly 2,000.
    assert 1870 < len(heads) < 2130
    assert len({len(toss(ids[:100], seed=s)) for s in range(20)}) > 5
    assert toss(ids, seed=0) == heads


def test_refused() -> None:
    with pytest.raises(InputError, match="no record 'x'"):
        with_canaries(_records(), ["x"], "shifted", seed=0)
    images = Records([RecordKey("r")], _Load(2, None), ImageTruth(1))
    with pytest.raises(InputError, match=r"exchanged; set canaries\.kind to shifted"):
        with_canaries(images, ["r"], "relabelled", seed=0)


def test_true_images_are_shifted_in_all_channels_alike() -> None:
    image = torch.arange(2 * 8 * 8).float().reshape(2, 8, 8) / 128
    records = Records([RecordKey("r")], lambda i: (image, image), ImageTruth(2))
    shifted = with_canaries(records, ["r"], "shifted", seed=3)[0]
    assert torch.equal(shifted.image, image)
    offsets = [
        (i, j)
        for i in range(8)
        for j in range(8)
        if torch.equal(image.roll((i, j), (1, 2)), shifted.truth)
    ]
    assert len(offsets) == 1
    assert all(2 <= k <= 6 for k in offsets[0])
