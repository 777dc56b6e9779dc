"""Records: the units that an audit is about.

A record is an image with its truth, an id by which all its numbers are joined, and, if known, the
subject (patient) it was taken from and the group (video, scanner, site) it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth, Truth


@dataclass(frozen=True)
class RecordKey:
    """The id of a record, and the subject and group it belongs to."""

    id: str
    subject: str | None = None
    group: str | None = None


@dataclass(frozen=True, eq=False)
class Record:
    """One image with its truth.

    Args:
        key: id, subject, group.
        image: (c, h, w) float32, in [0, 1] unless its reader says otherwise.
        truth: (h, w) int64 labels, or (c', h, w) float32 for generators.
    """

    key: RecordKey
    image: Tensor
    truth: Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """b records stacked.

    Args:
        ids: (b,) record ids.
        images: (b, c, h, w) float32.
        truths: (b, h, w) int64 or (b, c', h, w) float32.
    """

    ids: tuple[str, ...]
    images: Tensor
    truths: Tensor


Load = Callable[[int], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class _Chosen:
    """Loads the i-th chosen record of a larger set; picklable, as worker processes require."""

    load: Load
    positions: tuple[int, ...]

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.load(self.positions[index])


class Records(Sequence[Record]):
    """An ordered set of records, loaded one at a time.

    Args:
        keys: one per record; ids must be unique. Neighbouring records of one group are
            neighbours in time (readers sort them so), which block-wise splits rely on.
        load: i -> (image, truth) of the i-th record; must be picklable for training in worker
            processes.
        truth: what kind of truth the records have.
        name: what to call the set in reports.

    Raises:
        InputError: no records, an id occurs twice, or an argument is of another type.
    """

    def __init__(
        self, keys: Sequence[RecordKey], load: Load, truth: Truth, name: str = "records"
    ) -> None:
        self.keys = tuple(keys)
        if not self.keys:
            raise InputError(f"{name}: there are no records")
        if wrong := [key for key in self.keys if not isinstance(key, RecordKey)]:
            raise InputError(f"{name}: keys must be pixleak.RecordKey objects, got {wrong[0]!r}")
        if not callable(load):
            raise InputError(f"{name}: load must be a function of a position, got {load!r}")
        if not isinstance(truth, LabelTruth | ImageTruth):
            raise InputError(f"{name}: truth must be a LabelTruth or an ImageTruth, got {truth!r}")
        self.load = load
        self.truth = truth
        self.name = name
        self._position = {key.id: i for i, key in enumerate(self.keys)}
        if len(self._position) != len(self.keys):
            seen: set[str] = set()
            twice = next(k.id for k in self.keys if k.id in seen or seen.add(k.id))  # type: ignore[func-returns-value]
            raise InputError(f"{name}: record id {twice!r} occurs twice; ids must be unique")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Record:  # type: ignore[override]
        if isinstance(index, bool) or not isinstance(index, int | np.integer):
            raise InputError(
                f"{self.name}: records are taken one at a time by position, or several with "
                f"select(ids), such as records.select(records.ids[:2]); got {index!r}"
            )
        image, truth = self.load(range(len(self))[index])
        return Record(self.keys[index], image, truth)

    def __iter__(self) -> Iterator[Record]:
        # The iterator of Sequence would take an IndexError raised by ``load`` for the end.
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Records({self.name!r}, {len(self)} records, {self.truth})"

    @property
    def ids(self) -> tuple[str, ...]:
        """(n,) record ids."""
        return tuple(key.id for key in self.keys)

    @property
    def units(self) -> tuple[str, ...]:
        """(n,) what must have one role as a whole: the subject, or else the record itself."""
        return tuple(key.subject if key.subject is not None else key.id for key in self.keys)

    def select(self, ids: Sequence[str]) -> Records:
        """The records with these ids, in this order.

        Raises:
            InputError: an id is not in the set, or ids is no list of ids.
        """
        if isinstance(ids, str) or not isinstance(ids, Iterable):
            raise InputError(
                f"{self.name}: select takes a list of ids, as in select(records.ids[:2]), got "
                f"{ids!r}"
            )
        ids = tuple(ids)
        missing = [i for i in ids if i not in self._position]
        if missing:
            raise InputError(f"{self.name}: there is no record {missing[0]!r}")
        positions = tuple(self._position[i] for i in ids)
        keys = [self.keys[p] for p in positions]
        return Records(keys, _Chosen(self.load, positions), self.truth, self.name)

    def batch(self, indices: Sequence[int]) -> Batch:
        """The records at these positions, stacked; they must have one shape."""
        return _stacked([self[i] for i in indices])

    def batches(self, size: int) -> Iterator[Batch]:
        """Consecutive batches of at most ``size`` records; one is in memory at a time.

        A batch ends where the next record has another shape, so that the order is that of the
        records, also where images differ in size.
        """
        chunk: list[Record] = []
        for record in self:
            if chunk and (len(chunk) == size or not _alike(record, chunk[0])):
                yield _stacked(chunk)
                chunk = []
            chunk.append(record)
        if chunk:
            yield _stacked(chunk)


def _alike(one: Record, other: Record) -> bool:
    return one.image.shape == other.image.shape and one.truth.shape == other.truth.shape


def _stacked(chunk: Sequence[Record]) -> Batch:
    return Batch(
        ids=tuple(record.key.id for record in chunk),
        images=torch.stack([record.image for record in chunk]),
        truths=torch.stack([record.truth for record in chunk]),
    )
