"""One streamed pass of a model over records, measuring every signal on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from pixleak.errors import InputError, UnmetNeedError
from pixleak.records.base import Records
from pixleak.signals.base import Signal
from pixleak.signals.maps import MapStore
from pixleak.signals.pixels import Pixels
from pixleak.targets.base import Target
from pixleak.types import LabelTruth, SignalInfo, SignalTable, Truth


def measure(
    target: Target,
    records: Records,
    signals: Sequence[Signal],
    *,
    batch_size: int = 16,
    store: MapStore | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SignalTable:
    """Ask the target once about every record and measure all signals on its answers.

    Only one batch of maps is in memory at a time, however many records there are. The values
    of a record do not depend on the batch it came in.

    Args:
        target: the model.
        records: n records with label truths.
        signals: fixed and fitted learned ones.
        batch_size: records a query.
        store: where to keep the predictions, to train learned signals on them.
        on_progress: called with (records done, n) after each batch.

    Raises:
        UnmetNeedError: a signal needs more access than the target grants, or another truth.
        InputError: two signals yield a column of one name, or the target's answer or a record
            cannot be used.
    """
    truth = _label_truth(target, records)
    infos = _columns(target, truth, signals)
    widths = [len(signal.infos(truth)) for signal in signals]
    values = np.zeros((len(records), len(infos)))
    measured = np.zeros((len(records), len(infos)), dtype=np.bool_)
    done = 0
    for batch in records.batches(batch_size):
        prediction = target.predict(batch.images, batch.ids)
        pixels = Pixels(prediction, batch.truths, truth, batch.ids)
        rows, column = slice(done, done + len(batch.ids)), 0
        with torch.inference_mode():
            for signal, width in zip(signals, widths, strict=True):
                columns = signal.measure(pixels)
                if columns.values.shape != (len(batch.ids), width):
                    raise InputError(
                        f"signal {signal.name!r} measured an array of shape "
                        f"{columns.values.shape}, expected {(len(batch.ids), width)}"
                    )
                values[rows, column : column + width] = columns.values
                measured[rows, column : column + width] = columns.measured
                column += width
        if store is not None:
            store.append(pixels)
        done = rows.stop
        if on_progress is not None:
            on_progress(done, len(records))
    return SignalTable(ids=records.ids, values=values, infos=infos, measured=measured)


def _label_truth(target: Target, records: Records) -> LabelTruth:
    truth: Truth = records.truth
    if not isinstance(truth, LabelTruth):
        raise UnmetNeedError(
            f"these signals are measured on label maps, but {records.name} holds {truth}"
        )
    if not isinstance(target.truth, LabelTruth) or target.truth.classes != truth.classes:
        raise InputError(
            f"{target.name} predicts {target.truth}, but {records.name} holds {truth}; "
            "both must have the same classes"
        )
    return truth


def _columns(
    target: Target, truth: LabelTruth, signals: Sequence[Signal]
) -> tuple[SignalInfo, ...]:
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
