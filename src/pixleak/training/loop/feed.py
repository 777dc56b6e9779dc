"""Batches of records for training: from memory where they fit, else loaded one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Record, Records

MEMORY_LIMIT = 2**30  # bytes

Feed = Callable[[Tensor], tuple[Tensor, Tensor]]
"""(b,) positions -> images (b, c, h, w) and truths (b, h, w)."""


def feed(records: Records, memory_limit: int = MEMORY_LIMIT) -> Feed:
    """A loader of batches by position.

    Args:
        records: all of one size.
        memory_limit: the most bytes that may be held in memory.

    Raises:
        InputError: here or on loading, a record of another size than the first, or a label that
            is no class.
    """
    first = records[0]
    if (first.image.nbytes + first.truth.nbytes) * len(records) > memory_limit:
        return lambda positions: _stacked(records, positions.tolist(), first)
    images, truths = _stacked(records, range(len(records)), first)
    return lambda positions: (images[positions], truths[positions])


def _stacked(records: Records, positions: Sequence[int], first: Record) -> tuple[Tensor, Tensor]:
    # Filled in place: a list to stack would need the memory twice.
    images = torch.empty((len(positions), *first.image.shape), dtype=first.image.dtype)
    truths = torch.empty((len(positions), *first.truth.shape), dtype=first.truth.dtype)
    for row, position in enumerate(positions):
        record = records[position]
        shapes = tuple(record.image.shape), tuple(record.truth.shape)
        if shapes != (tuple(first.image.shape), tuple(first.truth.shape)):
            raise InputError(
                f"{records.name}: record {record.key.id!r} has an image of {shapes[0]} and a "
                f"truth of {shapes[1]}, the first record {tuple(first.image.shape)} and "
                f"{tuple(first.truth.shape)}; training needs one size: resize the records"
            )
        _check_labels(record, records)
        images[row], truths[row] = record.image, record.truth
    return images, truths


def _check_labels(record: Record, records: Records) -> None:
    if not isinstance(records.truth, LabelTruth):
        return
    labels = record.truth
    if records.truth.ignore is not None:
        labels = labels[labels != records.truth.ignore]
    if labels.numel() == 0:
        return
    low, high = torch.aminmax(labels)
    if int(low) < 0 or int(high) >= records.truth.classes:
        wrong = int(low) if int(low) < 0 else int(high)
        raise InputError(
            f"{records.name}: record {record.key.id!r} has label {wrong}, which is none of the "
            f"{records.truth.classes} classes (0..{records.truth.classes - 1})"
            + ("" if records.truth.ignore is None else f" nor ignored ({records.truth.ignore})")
        )
