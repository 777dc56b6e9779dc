from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records


def _fails_at_two(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    if index == 2:
        raise IndexError("a bug in somebody's data set")
    return torch.zeros(1, 2, 2), torch.zeros(2, 2, dtype=torch.int64)


def test_an_index_error_of_the_reader_does_not_end_the_iteration_quietly() -> None:
    records = Records([RecordKey(str(i)) for i in range(4)], _fails_at_two, LabelTruth(2))
    with pytest.raises(IndexError, match="a bug"):
        list(records)


def test_a_batch_stacks_the_records_asked_for(held: Callable[..., Records]) -> None:
    images = torch.arange(4.0).reshape(4, 1, 1, 1)
    records = held(images, torch.zeros(4, 1, 1, dtype=torch.int64))
    batch = records.batch([3, 1])
    assert batch.ids == ("r3", "r1")
    assert batch.images.flatten().tolist() == [3.0, 1.0]
    assert [b.ids for b in records.batches(3)] == [("r0", "r1", "r2"), ("r3",)]


def test_no_records_and_repeated_ids_are_refused() -> None:
    with pytest.raises(InputError, match="there are no records"):
        Records([], _fails_at_two, LabelTruth(2))
    with pytest.raises(InputError, match="record id 'a' occurs twice"):
        Records([RecordKey("a"), RecordKey("b"), RecordKey("a")], _fails_at_two, LabelTruth(2))


def test_selecting_an_unknown_record_names_it(keyed: Callable[..., Records]) -> None:
    with pytest.raises(InputError, match="there is no record 'r9'"):
        keyed(3).select(["r0", "r9"])
