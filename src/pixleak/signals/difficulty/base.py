"""What a difficulty is: how hard a record is for any model, measured without asking one.

Some images are easy to produce and others hard, whichever model was trained on them. A difficulty
measures this on the record alone, so that an attack can correct an error for it (see
:mod:`pixleak.attacks.calibrated.membership_error`). On its own it must not distinguish members
from non-members; every audit reports it as a control.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from torch import Tensor

from pixleak.core.errors import UnmetNeedError
from pixleak.core.tables import Floats, SignalInfo, SignalTable
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import Records
from pixleak.signals.base import Columns, Signal


@dataclass(frozen=True)
class RecordBatch:
    """What a difficulty looks at: records without a model's answer.

    Args:
        ids: (b,) record ids.
        images: (b, c, h, w) inputs, or None where they are not known.
        truths: (b, h, w) labels or (b, c', h, w) true images.
        truth_kind: what the truths mean.
    """

    ids: tuple[str, ...]
    images: Tensor | None
    truths: Tensor
    truth_kind: Truth


@dataclass(frozen=True)
class Difficulty(Signal):
    """A signal that never asks the model. Higher values mean harder records."""

    on: ClassVar[Literal["labels", "image", "any"]] = "image"
    usual: ClassVar[bool] = False
    """Whether it is measured, on records of its kind, where a request names no difficulties."""

    def measure(self, pixels: RecordBatch) -> Columns:
        values = self.of(pixels)
        known = np.isfinite(values)
        return Columns.single(np.where(known, values, 0.0), known)

    @abstractmethod
    def of(self, batch: RecordBatch) -> Floats:
        """(b,) difficulties; NaN where a record has none."""


def true_images(batch: RecordBatch) -> Tensor:
    """(b, c, h, w) true images, their range scaled to [0, 1].

    Raises:
        UnmetNeedError: the truth is a label map.
    """
    kind = batch.truth_kind
    if isinstance(kind, LabelTruth):
        raise UnmetNeedError("this difficulty is of true images, but the truth is a label map")
    return (batch.truths - kind.low) / (kind.high - kind.low)


def difficulty_info(name: str, title: str, unit: str, summary: str, source: str) -> SignalInfo:
    """The description of a difficulty: oriented so that a higher one excuses a higher error."""
    return SignalInfo(
        name=name,
        title=title,
        unit=unit,
        members_are="higher",
        needs_truth=True,
        summary=summary,
        source=source,
        queries_model=False,
    )


def measure_difficulty(
    records: Records,
    difficulties: Sequence[Difficulty],
    *,
    batch_size: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
) -> SignalTable:
    """Difficulties of all records, in their order.

    Args:
        records: n records.
        difficulties: at least one.
        batch_size: records at a time.
        on_progress: called with (records done, n) after each batch.

    Raises:
        UnmetNeedError: a difficulty is for the other kind of truth.
        MissingExtraError: a difficulty needs a package that is not installed.
    """
    for one in difficulties:
        if not one.measured_on(records.truth):
            raise UnmetNeedError(
                f"{one.name} is a difficulty for records whose truth is "
                f"{'a label map' if one.on == 'labels' else 'an image'}; {records.name} holds "
                f"{records.truth}"
            )
    values, known = [], []
    done = 0
    for batch in records.batches(batch_size):
        alone = RecordBatch(batch.ids, batch.images, batch.truths, records.truth)
        columns = [one.measure(alone) for one in difficulties]
        values.append(np.concatenate([c.values for c in columns], axis=1))
        known.append(np.concatenate([c.measured for c in columns], axis=1))
        done += len(batch.ids)
        if on_progress is not None:
            on_progress(done, len(records))
    infos = tuple(info for one in difficulties for info in one.infos(records.truth))
    return SignalTable(records.ids, np.concatenate(values), infos, np.concatenate(known))
