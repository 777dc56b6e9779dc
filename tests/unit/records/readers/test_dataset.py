from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.readers.dataset import read_dataset


class _Items(Dataset[object]):
    def __init__(self, *items: object) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> object:
        return self.items[index]


BYTES = np.full((4, 6, 3), 51, dtype=np.uint8)
MASK = np.eye(4, 6, dtype=np.uint8)


@pytest.mark.parametrize(
    "item",
    [
        (torch.full((3, 4, 6), 0.2), torch.from_numpy(MASK)),
        (torch.full((3, 4, 6), 51, dtype=torch.uint8), torch.from_numpy(MASK).long()[None]),
        (BYTES, MASK.astype(np.float32)),
        [Image.fromarray(BYTES), Image.fromarray(MASK), "the rest is passed over"],
        {"image": BYTES.transpose(2, 0, 1), "mask": MASK.astype(bool)},
        {"image": BYTES, "truth": MASK, "label": "the first that fits counts"},
    ],
    ids=["floats", "bytes", "arrays", "pillow", "dict", "dict-truth"],
)
def test_items_of_many_forms_mean_the_same(item: object) -> None:
    record = read_dataset(_Items(item), LabelTruth(2))[0]
    assert record.key.id == "000000"
    assert record.image.shape == (3, 4, 6)
    assert record.image.numpy() == pytest.approx(0.2)
    assert torch.equal(record.truth, torch.from_numpy(MASK).long())


def test_keys_subjects_and_groups_are_kept() -> None:
    items = _Items({"x": BYTES, "y": BYTES}, {"x": BYTES, "y": BYTES})
    records = read_dataset(
        items,
        ImageTruth(3),
        ids=["a", "b"],
        subjects=["s", None],
        groups=["g", "h"],
        keys=("x", "y"),
    )
    assert [(k.id, k.subject, k.group) for k in records.keys] == [("a", "s", "g"), ("b", None, "h")]
    assert records[1].truth.shape == (3, 4, 6)
    assert records.name == "_Items"


@pytest.mark.parametrize(
    ("item", "truth", "sentence"),
    [
        ({"picture": BYTES}, LabelTruth(2), "item 0 has the keys picture; say with keys="),
        (7, LabelTruth(2), "item 0 is a int, expected"),
        (("a", MASK), LabelTruth(2), "its image is a str, expected a tensor"),
        ((BYTES.astype(np.int64), MASK), LabelTruth(2), "its image is int64, expected floats"),
        ((BYTES, MASK * 0.5), LabelTruth(2), r"its label map holds fractions \(0.5\)"),
    ],
)
def test_items_that_cannot_be_used_are_named(item: object, truth: Truth, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_dataset(_Items(item), truth)[0]


def test_data_sets_that_cannot_be_indexed_are_refused() -> None:
    class Stream(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(())

    with pytest.raises(InputError, match="Stream cannot be indexed"):
        read_dataset(Stream(), LabelTruth(2))
    with pytest.raises(InputError, match="has 1 items but 2 ids"):
        read_dataset(_Items(1), LabelTruth(2), ids=["a", "b"])
    with pytest.raises(InputError, match="truth must be"):
        read_dataset(_Items(1), 2)  # type: ignore[arg-type]
