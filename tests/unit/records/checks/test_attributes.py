from __future__ import annotations

import torch

from pixleak.core.truth import ImageTruth, LabelTruth, Truth
from pixleak.records.base import RecordKey, Records
from pixleak.records.checks.attributes import kinds_of


def _records(truths: list[torch.Tensor], kind: Truth) -> Records:
    keys = [RecordKey(f"r{i}") for i in range(len(truths))]
    return Records(keys, lambda i: (torch.zeros(1, *truths[i].shape[-2:]), truths[i]), kind)


def _square(side: int, size: int = 10) -> torch.Tensor:
    labels = torch.zeros(size, size, dtype=torch.int64)
    labels[:side, :side] = 1
    return labels


def _held(records: Records) -> dict[tuple[str, str], list[int]]:
    return {(k.family, k.name): k.holds.nonzero()[0].tolist() for k in kinds_of(records)}


def test_empty_masks_sizes_and_borders() -> None:
    # Squares of side 2, 4, 6 in the corner of a 10 x 10 map: 4, 16, 36 % of the image.
    # Pixels at an edge: side s has 2 s - 1 inside and 2 s + 1 - 1 = 2 s outside (4-neighbours).
    held = _held(_records([_square(s) for s in (0, 2, 4, 6)], LabelTruth(2)))
    assert held["mask", "empty mask"] == [0]
    assert held["mask", "with an object"] == [1, 2, 3]
    sizes = {name: at for (family, name), at in held.items() if family == "object size"}
    # The thirds of 4, 16, 36 lie at 12 and 22.7.
    assert sizes == {
        "small (up to 12 % of the image)": [1],
        "medium (12 to 22.7 %)": [2],
        "large (over 22.7 %)": [3],
    }
    # 7, 15, 23 of 100 pixels.
    borders = {name: at for (family, name), at in held.items() if family == "border length"}
    assert borders == {
        "short (up to 12.3 % of the pixels)": [1],
        "medium (12.3 to 17.7 %)": [2],
        "long (over 17.7 %)": [3],
    }


def test_ignored_pixels_are_neither_object_nor_edge() -> None:
    labels = _square(4)
    labels[labels == 1] = 9
    held = _held(_records([labels, _square(0), _square(4)], LabelTruth(2, ignore=9)))
    assert held["mask", "empty mask"] == [0, 1]


def test_classes_of_many() -> None:
    truth = LabelTruth(3, names=("ground", "liver", "kidney"))
    one, two = _square(3), _square(3) * 2
    held = _held(_records([one, two, torch.zeros(10, 10, dtype=torch.int64)], truth))
    assert held["class", "with liver"] == [0]
    assert held["class", "with kidney"] == [1]
    assert ("class", "with ground") not in held


def test_a_kind_that_all_are_of_is_none() -> None:
    held = _held(_records([_square(3), _square(3)], LabelTruth(2)))
    assert held == {}


def test_kinds_of_true_images() -> None:
    # Brightness 0, .1, ..., .8; the detail of the i-th is stripes of height i / 20.
    stripes = torch.tensor([0.0, 1.0]).repeat(2).expand(1, 4, 4)
    images = [torch.full((1, 4, 4), i / 10) + i / 20 * stripes for i in range(9)]
    found = kinds_of(_records(images, ImageTruth(1)))
    named = {(kind.family, kind.name.split()[0]): kind.holds.tolist() for kind in found}
    thirds = [[True] * 3 + [False] * 6, [False] * 3 + [True] * 3 + [False] * 3]
    assert named["brightness", "dark"] == named["detail", "smooth"] == thirds[0]
    assert named["brightness", "medium"] == named["detail", "medium"] == thirds[1]
    assert len(named) == 6
