"""What a difficulty is: how hard a record is for any model, which no model was asked for.

Some images are easy to produce and others hard, whoever was trained on them. A difficulty puts a
number on this from the record alone, so that an attack may take the easy part out of an error
(:mod:`pixleak.attacks.membership_error`). By itself it must not tell members from non-members;
every audit reports it as a control.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from torch import Tensor

from pixleak.core.errors import UnmetNeedError
from pixleak.core.tables import Floats, SignalInfo, SignalTable
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import Records
from pixleak.signals.base import Columns, Signal


class Seen(Protocol):
    """What a difficulty looks at."""

    @property
    def ids(self) -> tuple[str, ...]:
        """(b,) record ids."""

    @property
    def images(self) -> Tensor | None:
        """(b, c, h, w) inputs."""

    @property
    def truths(self) -> Tensor:
        """(b, h, w) labels or (b, c', h, w) true images."""

    @property
    def truth_kind(self) -> Truth:
        """What the truths mean."""


@dataclass(frozen=True)
class RecordView:
    """Records without a model's answer."""

    ids: tuple[str, ...]
    images: Tensor | None
    truths: Tensor
    truth_kind: Truth


@dataclass(frozen=True)
class Difficulty(Signal):
    """A signal that never asks the model. Higher values mean harder records."""

    on: ClassVar[Literal["labels", "image", "any"]] = "image"
    optional: ClassVar[bool] = False
    """Measured only where it is named: it needs an extra, or weights to be fetched."""

    @property
    def identity(self) -> str:
        """What its values are determined by, beside the records."""
        return repr(self)

    def measure(self, pixels: Seen) -> Columns:
        values = self.of(pixels)
        known = np.isfinite(values)
        return Columns.single(np.where(known, values, 0.0), known)

    @abstractmethod
    def of(self, seen: Seen) -> Floats:
        """(b,) difficulties; NaN where a record has none."""


def true_images(seen: Seen) -> Tensor:
    """(b, c, h, w) true images, their range scaled to [0, 1].

    Raises:
        UnmetNeedError: the truth is a label map.
    """
    kind = seen.truth_kind
    if isinstance(kind, LabelTruth):
        raise UnmetNeedError("this difficulty is of true images, but the truth is a label map")
    return (seen.truths - kind.low) / (kind.high - kind.low)


def describe(name: str, title: str, unit: str, summary: str, source: str) -> SignalInfo:
    """What all difficulties have in common: a higher one excuses a higher error."""
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
        UnmetNeedError: a difficulty is of the other kind of truth.
        MissingExtraError: a difficulty needs a package that is not installed.
    """
    kind = "labels" if isinstance(records.truth, LabelTruth) else "image"
    for one in difficulties:
        if one.on not in (kind, "any"):
            raise UnmetNeedError(
                f"{one.name} is a difficulty of records whose truth is "
                f"{'a label map' if one.on == 'labels' else 'an image'}; {records.name} holds "
                f"{records.truth}"
            )
    values, known = [], []
    done = 0
    for batch in records.batches(batch_size):
        view = RecordView(batch.ids, batch.images, batch.truths, records.truth)
        columns = [one.measure(view) for one in difficulties]
        values.append(np.concatenate([c.values for c in columns], axis=1))
        known.append(np.concatenate([c.measured for c in columns], axis=1))
        done += len(batch.ids)
        if on_progress is not None:
            on_progress(done, len(records))
    infos = tuple(info for one in difficulties for info in one.infos(records.truth))
    return SignalTable(records.ids, np.concatenate(values), infos, np.concatenate(known))
