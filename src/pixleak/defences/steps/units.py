"""Units of privacy: subjects with all their records, or single records."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pixleak.records.base import RecordKey


def unit_of_each(keys: Sequence[RecordKey]) -> Tensor:
    """(n,) number of each record's subject; a record without a subject is its own unit.

    Example:
        >>> keys = [RecordKey("a"), RecordKey("b", subject="s"), RecordKey("c", subject="s")]
        >>> unit_of_each(keys).tolist()
        [0, 1, 1]
    """
    # Pairs, so that a subject is not confused with a record of the same name.
    names = [(key.subject is None, key.id if key.subject is None else key.subject) for key in keys]
    number = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return torch.tensor([number[name] for name in names])


def whole_unit_chunks(units: Tensor, size: int) -> list[Tensor]:
    """Positions of a batch in parts of whole units; one empty part for an empty batch.

    Args:
        units: (b,) unit of each record, records of one unit side by side.
        size: records per part, unless one unit has more.

    Example:
        >>> [part.tolist() for part in whole_unit_chunks(torch.tensor([4, 4, 7, 9, 9, 9]), 3)]
        [[0, 1, 2], [3, 4, 5]]
    """
    _, counts = torch.unique_consecutive(units, return_counts=True)
    parts: list[list[int]] = [[]]
    at = 0
    for count in counts.tolist():
        if parts[-1] and len(parts[-1]) + count > size:
            parts.append([])
        parts[-1] += range(at, at + count)
        at += count
    return [torch.tensor(part, dtype=torch.int64) for part in parts]


def mean_by_unit(gradients: Tensor, units: Tensor) -> Tensor:
    """(u, ...) mean gradient of each unit.

    Args:
        gradients: (b, ...) of single records.
        units: (b,) unit of each record, records of one unit side by side.
    """
    _, which, counts = torch.unique_consecutive(units, return_inverse=True, return_counts=True)
    if len(counts) == len(units):
        return gradients
    shape = (len(counts), *[1] * (gradients.dim() - 1))
    summed = gradients.new_zeros((len(counts), *gradients.shape[1:]))
    summed.index_add_(0, which.to(gradients.device), gradients)
    means: Tensor = summed / counts.to(gradients.device).reshape(shape)
    return means
