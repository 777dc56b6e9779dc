"""How many queries a run needs, counted before any is made.

Where every query has its price, the run is rehearsed: its questions are made as they will be, and
looked up among the answers that are kept; blank answers take the place of the target's. What is
counted is the most that can be asked, if every answer can be used.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.asking.conventions import other_inputs
from pixleak.pipeline.asking.self_check import (
    ask_again,
    ask_together,
    asked_about,
    bare,
    convention_records,
)
from pixleak.signals.measure import measure
from pixleak.targets.adapter import Adapter
from pixleak.targets.altered import AlteredTarget
from pixleak.targets.base import Target
from pixleak.targets.target_for import adapted

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.signals.base import Signal


@dataclass(frozen=True)
class Expected:
    """What asking will take.

    Args:
        queries: that are not answered yet, at most.
        paid: queries that were made before, by runs that share the folder of answers.
        budget: the most, over all runs; None where there is no limit.
        per_second: requests; None where there is no limit.
        together: images per request.
    """

    queries: int
    paid: int
    budget: int | None
    per_second: float | None
    together: int


class Rehearsal(Target):
    """Stands in for a metered target: collects questions, and answers with blanks.

    Args:
        inner: the target; it is not asked.
    """

    def __init__(self, inner: Target) -> None:
        super().__init__(inner.truth, inner.access, inner.name)
        self.inner, self.meter = inner, inner.meter
        self.questions: set[str] = set()

    def _query(self, images: Tensor) -> object:
        assert self.meter is not None
        sent = self.inner.adapter.input.applied(images).numpy(force=True).astype(np.float32)
        self.questions |= self.meter.unanswered(sent)
        shape = (len(images), *images.shape[-2:])
        if self.access is Access.LABEL:
            return torch.zeros(shape)
        truth = self.truth
        if isinstance(truth, LabelTruth):
            share = 1 / truth.classes if self.access is Access.PROBABILITY else 0.0
            return torch.full((shape[0], truth.classes, *shape[1:]), share)
        middle = (truth.low + truth.high) / 2
        return torch.full((shape[0], truth.channels, *shape[1:]), middle)


def expected(
    target: Target,
    members: Sequence[str],
    others: Sequence[str],
    records: Records,
    signals: Sequence[Signal],
    *,
    asked: Sequence[str] | None = None,
    batch_size: int = 16,
    samples: int = 1,
) -> Expected | None:
    """Rehearse a self-check and a pass.

    Args:
        target: with the defences around it.
        members: ids of records that it was trained on, or that are in question.
        others: ids of others.
        records: all of these.
        signals: that are measured; those that ask further questions are.
        asked: ids of the pass; None for all records.
        batch_size: records per query.
        samples: answers drawn per record.

    Returns:
        None where queries are free.

    Raises:
        InputError: the service cannot be asked about such images.
    """
    inner = bare(target)
    if inner.meter is None:
        return None
    rehearsal = Rehearsal(inner)
    inside, outside = (records.select(ids) for ids in asked_about(members, others))
    batches = [*inside.batches(1), *outside.batches(1)]
    for one in batches:
        rehearsal.predict(one.images)
    if samples == 1:
        ask_again(rehearsal, batches, len(inside))
        if batch_size > 1:
            ask_together(rehearsal, [inside, outside])
    if not inner.adapter.settings:
        some = next(inside.batches(convention_records(inner, inside)))
        for _, adapter in other_inputs(inner, some.images):
            adapted(rehearsal, Adapter(input=adapter)).predict(some.images)
    chosen = records if asked is None else records.select(asked)
    stand_in = _in_place(target, rehearsal)
    further = [one for one in signals if one.info.queries > 1]
    if further or samples > 1:
        measured = further or list(signals)
        measure(stand_in, chosen, measured, batch_size=batch_size, samples=samples)
    else:
        for batch in chosen.batches(batch_size):
            stand_in.predict(batch.images)
    meter = inner.meter
    return Expected(
        len(rehearsal.questions),
        meter.paid(),
        meter.budget,
        meter.transport.pace.per_second,
        meter.together,
    )


def _in_place(target: Target, rehearsal: Rehearsal) -> Target:
    """The target with the innermost one replaced."""
    if not isinstance(target, AlteredTarget):
        return rehearsal
    twin = copy.copy(target)
    twin.inner = _in_place(target.inner, rehearsal)
    return twin
