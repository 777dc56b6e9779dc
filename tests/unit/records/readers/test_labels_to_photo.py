from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.labels_to_photo import instance_edges, labels_to_photo

TRUTH = LabelTruth(3, ignore=255)


def _load(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((3, 2, 2), 0.5), torch.tensor([[0, 2], [255, 1]])


def _edges(index: int) -> torch.Tensor:
    return torch.tensor([[1, 0], [0, 1]], dtype=torch.bool)


def test_labels_become_layers_and_ignored_pixels_are_in_none() -> None:
    records = Records([RecordKey("a", "s", "g")], _load, TRUTH, "mine")
    turned = pickle.loads(pickle.dumps(labels_to_photo(records, edges=_edges)))
    record = turned[0]
    assert record.key == RecordKey("a", "s", "g")
    assert turned.truth == ImageTruth(3)
    assert record.image.tolist() == [
        [[1, 0], [0, 0]],
        [[0, 0], [0, 1]],
        [[0, 1], [0, 0]],
        [[1, 0], [0, 1]],
    ]
    assert torch.equal(record.truth, torch.full((3, 2, 2), 0.5))


def test_what_cannot_be_turned_round_is_refused() -> None:
    images = Records([RecordKey("a")], _load, ImageTruth(3), "mine")
    with pytest.raises(InputError, match="mine: labels-to-photo needs label maps"):
        labels_to_photo(images)
    wide = Records(
        [RecordKey("a")], lambda i: (torch.full((1, 2, 2), 40.0), _load(0)[1]), TRUTH, "ct"
    )
    with pytest.raises(InputError, match="the image of 'a' spans 40 to 40, but a generator's"):
        labels_to_photo(wide)[0]


def test_edges_lie_on_both_sides() -> None:
    instances = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]])
    assert instance_edges(instances).astype(int).tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
