"""How many queries a run needs, counted before any is made.

Where every query has its price, the run is rehearsed: its questions are made as they will be, and
looked up among the answers that are kept; blank answers take the place of the target's. What is
counted is the most that can be asked, if every answer can be used.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.asking.conventions import other_inputs
from pixleak.pipeline.asking.self_check import (
    ask_again,
    ask_together,
    convention_batches,
)
from pixleak.signals.measure import measure
from pixleak.targets.adapter import Adapter
from pixleak.targets.altered import AlteredTarget, bare
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


def check_affordable(
    target: Target,
    inside: Records,
    outside: Records,
    *passes: Records,
    batch_size: int,
    samples: int = 1,
) -> None:
    """Refuse a question about records that would cost too much, or whose answers would be lost.

    Args:
        target: that exists.
        inside: that the self-check asks about.
        outside: the others that it asks about.
        passes: that are asked about afterwards.
        batch_size: records per query.
        samples: answers drawn per record.

    Raises:
        InputError: the budget is too small, or no folder keeps the answers.
    """
    meter = bare(target).meter
    if meter is None:
        return
    check_kept(meter.folder)
    found = expected(target, inside, outside, passes, (), batch_size=batch_size, samples=samples)
    if found is not None:
        meter.check(found.queries)


def check_kept(folder: Path | None) -> None:
    """Refuse to pay for answers that nobody keeps.

    Raises:
        InputError: there is no folder for them.
    """
    if folder is None:
        raise InputError(
            "every answer of an endpoint is kept, so that none is paid for twice: say where with "
            f"{setting('target.answers')}, the name of a folder"
        )


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
    inside: Records,
    outside: Records,
    passes: Sequence[Records],
    signals: Sequence[Signal],
    *,
    batch_size: int = 16,
    samples: int = 1,
) -> Expected | None:
    """Rehearse a self-check and a pass.

    Args:
        target: with the defences around it.
        inside: records that the self-check asks about, of those that it was trained on.
        outside: others that it asks about.
        passes: records that are asked about afterwards.
        signals: that are measured; those that ask further questions are.
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
    batches = [*inside.batches(1), *outside.batches(1)]
    for one in batches:
        rehearsal.predict(one.images)
    if samples == 1:
        ask_again(rehearsal, batches, len(inside))
        if batch_size > 1:
            ask_together(rehearsal, [inside, outside])
    if not inner.adapter.settings:
        some = convention_batches(inner, inside)
        for _, adapter in other_inputs(inner, [one.images for one in some]):
            for one in some:
                adapted(rehearsal, Adapter(input=adapter)).predict(one.images)
    stand_in = _in_place(target, rehearsal)
    further = [one for one in signals if one.info.queries > 1]
    for records in passes:
        if further or (samples > 1 and signals):
            measured = further or list(signals)
            measure(stand_in, records, measured, batch_size=batch_size, samples=samples)
            continue
        for batch in records.batches(batch_size):
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
