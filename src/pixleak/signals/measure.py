"""One streamed pass of a model over records, measuring all signals."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import SignalInfo, SignalTable
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.base import Batch, Records
from pixleak.signals.base import Signal
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.pixels.images import ImagePixels
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction, Target
from pixleak.training.seeded import seeded

Activity = Literal["query", "further query", "learned signal"]
"""What a pass spends time on besides arithmetic; the first is the query that all signals share."""

OnActivity = Callable[[Activity, float], None]
"""(what was done for a batch, seconds it took)."""


def measure(
    target: Target,
    records: Records,
    signals: Sequence[Signal],
    *,
    batch_size: int = 16,
    store: MapStore | None = None,
    samples: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
    on_activity: OnActivity | None = None,
) -> SignalTable:
    """Ask the target once about every record and measure all signals on its answers.

    Signals that ask about other images as well are held to the number of queries that they state.
    Only one batch of maps is in memory at a time, however many records there are. The values
    of a record do not depend on the batch it came in.

    Args:
        target: the model.
        records: n records.
        signals: fixed and fitted learned ones, for the records' kind of truth.
        batch_size: records per query.
        store: where to keep the predictions, to train learned signals on them.
        samples: answers to draw per record, of a generator that samples. Above 1, every record is
            asked about on its own and with a seed of its own, so that its answers depend neither
            on the batch nor on earlier queries.
        on_progress: called with (records done, n) after each batch.
        on_activity: called after every query of a batch, and every learned signal on its answers.

    Raises:
        UnmetNeedError: a signal needs more access than the target grants, several samples, or
            another truth.
        InputError: two signals yield a column of one name, one asks more often than it says, or
            the target's answer or a record cannot be used.
    """
    truth = _truth(target, records)
    infos = _columns(target, truth, signals, samples)
    widths = [len(signal.infos(truth)) for signal in signals]
    values = np.zeros((len(records), len(infos)))
    measured = np.zeros((len(records), len(infos)), dtype=np.bool_)
    done = 0
    for batch in records.batches(batch_size):
        asking = FurtherQueries(target, batch.ids, on_activity)
        begun = time.perf_counter()
        pixels = _pixels(target, batch, truth, samples, asking)
        if on_activity is not None:
            on_activity("query", time.perf_counter() - begun)
        rows, column = slice(done, done + len(batch.ids)), 0
        with torch.inference_mode():
            for signal, width in zip(signals, widths, strict=True):
                asking.allow(signal.name, signal.info.queries - 1)
                begun = time.perf_counter()
                columns = signal.measure(pixels)
                if on_activity is not None and signal.info.learned:
                    on_activity("learned signal", time.perf_counter() - begun)
                if columns.values.shape != (len(batch.ids), width):
                    raise InputError(
                        f"signal {signal.name!r} measured an array of shape "
                        f"{columns.values.shape}, expected {(len(batch.ids), width)}"
                    )
                values[rows, column : column + width] = columns.values
                measured[rows, column : column + width] = columns.measured
                column += width
        if store is not None and isinstance(pixels, Pixels):
            store.append(pixels)
        done = rows.stop
        if on_progress is not None:
            on_progress(done, len(records))
    return SignalTable(ids=records.ids, values=values, infos=infos, measured=measured)


class FurtherQueries:
    """Further queries about the records of one batch; each signal has a budget of them.

    Args:
        target: the model.
        ids: (b,) record ids.
        on_activity: called after every query.
    """

    def __init__(
        self, target: Target, ids: Sequence[str], on_activity: OnActivity | None = None
    ) -> None:
        self._on_activity = on_activity
        self._target = target
        self._ids = tuple(ids)
        self._signal, self._budget, self._left = "", 0, 0

    def allow(self, signal: str, queries: int) -> None:
        """Set the budget of the signal that is measured next.

        Args:
            signal: its name.
            queries: per record.
        """
        self._signal, self._budget, self._left = signal, queries, queries

    def __call__(self, images: Tensor) -> Prediction:
        """The answer on one other image of each record.

        Raises:
            UnmetNeedError: the target can be asked about the records alone.
            InputError: the signal has used up its queries, or the answer cannot be used.
        """
        if self._target.once:
            raise UnmetNeedError(f"signal {self._signal!r} cannot be measured: {self._target.once}")
        if self._left < 1:
            raise InputError(
                f"signal {self._signal!r} asks more than {self._budget} times per record besides "
                "the shared query; its info.queries must say how often"
            )
        self._left -= 1
        begun = time.perf_counter()
        # A module that keeps a tensor of its forward pass must be able to train with it later.
        with torch.inference_mode(False):
            answer = self._target.predict(images.clone(), self._ids)
        if self._on_activity is not None:
            self._on_activity("further query", time.perf_counter() - begun)
        return answer


def _pixels(
    target: Target, batch: Batch, truth: Truth, samples: int, asking: FurtherQueries
) -> Pixels | ImagePixels:
    if isinstance(truth, LabelTruth):
        prediction = target.predict(batch.images, batch.ids)
        return Pixels(prediction, batch.truths, truth, batch.ids, images=batch.images, ask=asking)
    drawn = None
    if samples > 1:
        drawn = torch.stack(
            [
                _sampled(target, image, key, samples)
                for image, key in zip(batch.images, batch.ids, strict=True)
            ],
            dim=1,
        )
        prediction = Prediction(target.access, drawn[0])
    else:
        prediction = target.predict(batch.images, batch.ids)
    judge = target.judge
    return ImagePixels(
        prediction,
        batch.truths,
        truth,
        batch.ids,
        images=batch.images,
        judge=None if judge is None else partial(judge, batch.images, batch.truths),
        samples=drawn,
    )


def _sampled(target: Target, image: Tensor, key: str, samples: int) -> Tensor:
    """(n, c, h, w) answers on one image."""
    seed = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
    device = getattr(target, "device", "cpu")
    with seeded(seed, device), target.anew("sample", each=True):
        return target.predict(image.expand(samples, -1, -1, -1), [key] * samples).values


def _truth(target: Target, records: Records) -> Truth:
    truth, answered = records.truth, target.truth
    if isinstance(truth, LabelTruth):
        fits = isinstance(answered, LabelTruth) and answered.classes == truth.classes
        shared = "classes"
    else:
        fits = answered == truth
        shared = "channels and range"
    if not fits:
        raise InputError(
            f"{target.name} predicts {answered}, but {records.name} holds {truth}; both must have "
            f"the same {shared}"
        )
    return truth


def _columns(
    target: Target, truth: Truth, signals: Sequence[Signal], samples: int
) -> tuple[SignalInfo, ...]:
    for signal in signals:
        if not signal.measured_on(truth):
            raise UnmetNeedError(
                f"signal {signal.name!r} is measured where the truth is "
                f"{'an image' if isinstance(truth, LabelTruth) else 'a label map'}, but it is "
                f"{truth}"
            )
        if signal.needs_samples and samples < 2:
            raise UnmetNeedError(
                f"signal {signal.name!r} needs several answers to one input; give samples > 1"
            )
    infos = [info for signal in signals for info in signal.infos(truth)]
    if not infos:
        raise InputError("there is no signal to measure; name at least one")
    for info in infos:
        if not target.access.grants(info.access):
            raise UnmetNeedError(
                f"signal {info.name!r} needs {info.access} access, "
                f"but {target.name} grants {target.access}"
            )
    names = [info.name for info in infos]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"two signals yield a column named {twice!r}; leave one out")
    return tuple(infos)
