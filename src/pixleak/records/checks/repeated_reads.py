"""A record must be the same whenever it is read.

A data set with random augmentation gives another image at every access. Members and non-members are
often read by two data sets, one of which augments: an attack then measures the augmentation.
"""

from __future__ import annotations

import torch

from pixleak.core.errors import InputError
from pixleak.records.base import Records

READ_AGAIN = 3
"""Records that are read a second time."""


def check_repeatable(records: Records) -> None:
    """Read a few records twice, evenly spaced over the set.

    Raises:
        InputError: a record differs between two reads.
    """
    count = len(records)
    for position in sorted({i * (count - 1) // max(READ_AGAIN - 1, 1) for i in range(READ_AGAIN)}):
        first, second = records[position], records[position]
        for what, a, b in (
            ("image", first.image, second.image),
            ("truth", first.truth, second.truth),
        ):
            if a.shape != b.shape or not torch.equal(a, b):
                raise InputError(
                    f"{records.name}: the {what} of record {first.key.id!r} differs when it is "
                    "read a second time; switch off random augmentation, since a record has to be "
                    "the same whenever it is read"
                )
