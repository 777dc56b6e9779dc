"""Checks of signals that are measured on label maps, which ``check_signal`` runs.

Every check takes the signal, a kind of truth, and a tolerance between the same record in different
batches.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import SignalTable
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.signals.base import Columns, Signal
from pixleak.signals.measure import measure
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction
from pixleak.testing.common import assert_oriented, assert_same_table
from pixleak.testing.worlds.label_maps import (
    EchoTarget,
    LabelWorld,
    WobblyTarget,
    echo_records,
    overfitted_world,
)

TRUTHS = (LabelTruth(2), LabelTruth(2, ignore=255), LabelTruth(3, ignore=-1, background=None))
"""Binary, binary with ignored pixels, and three classes none of which is background."""


def _ask(signal: Signal, records: Records, truth: LabelTruth, batch_size: int = 8) -> SignalTable:
    return measure(_target(signal, truth), records, [signal], batch_size=batch_size)


def _target(signal: Signal, truth: LabelTruth, access: Access | None = None) -> EchoTarget:
    # At the least access the signal says it needs: it must not depend on more. A signal that asks
    # about changed images learns nothing from a target whose answers change in just the same way.
    kind = EchoTarget if signal.info.queries == 1 else WobblyTarget
    return kind(truth, signal.info.access if access is None else access)


def _world(truth: LabelTruth, leak: float = 2.0) -> LabelWorld:
    return overfitted_world(truth, records=16, leak=leak, seed=1)


def check_batches(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """A batch of eight equals eight batches of one, in any order."""
    records = _world(truth).records
    whole = _ask(signal, records, truth)
    assert_same_table(
        whole, _ask(signal, records, truth, batch_size=1), tolerance, f"{signal.name}: batching"
    )
    backwards = _ask(signal, records.select(records.ids[::-1]), truth, batch_size=5)
    assert_same_table(whole, backwards.select(ids=records.ids), tolerance, f"{signal.name}: order")


def check_ignored_pixels(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """What the target says about ignored pixels changes nothing."""
    if truth.ignore is None:
        return
    world = _world(truth)
    changed = [
        torch.where(record.truth == truth.ignore, -3.0 * record.image - 1.0, record.image)
        for record in world.records
    ]
    other = echo_records(changed, [record.truth for record in world.records], truth)
    assert_same_table(
        _ask(signal, world.records, truth),
        _ask(signal, other, truth),
        tolerance,
        f"{signal.name}: the answer at ignored pixels",
    )


def check_every_class_counts(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """The pixels of each class count, those labelled 0 among them."""
    if not signal.info.queries_model:
        return
    world = _world(truth)
    before = _ask(signal, world.records, truth)
    for c in range(truth.classes):
        # Nearly certain of the wrong class on every third pixel of class c, elsewhere unchanged.
        wrong = torch.zeros(truth.classes).index_fill(0, torch.tensor((c + 1) % truth.classes), 9.0)
        changed = []
        for record in world.records:
            hit = record.truth == c
            hit &= torch.arange(hit.numel()).reshape(hit.shape) % 3 == 0
            changed.append(torch.where(hit, wrong[:, None, None], record.image))
        other = echo_records(changed, [record.truth for record in world.records], truth)
        after = _ask(signal, other, truth)
        gone = not np.allclose(before.values, after.values, rtol=1e-4, atol=1e-6)
        assert gone, f"{signal.name}: the answer at pixels of class {c} changes nothing"


def check_all_ignored(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """A record without a valid pixel is an error that names it."""
    if truth.ignore is None:
        return
    records = _world(truth).records
    truths = [record.truth for record in records]
    truths[3] = torch.full_like(truths[3], truth.ignore)
    spoilt = echo_records([record.image for record in records], truths, truth)
    complaint = ""
    try:
        _ask(signal, spoilt, truth)
    except InputError as error:
        complaint = str(error)
    assert complaint, f"{signal.name}: a record whose every pixel is ignored is accepted"
    assert "'r3'" in complaint, f"{signal.name}: the error does not name the record: {complaint}"


def check_inputs_untouched(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """Prediction and truth are not changed, and a second measurement gives the same values."""
    world = _world(truth)
    batch = next(world.records.batches(8))
    target = _target(signal, truth)
    prediction = target.predict(batch.images)
    values, truths, images = prediction.values.clone(), batch.truths.clone(), batch.images.clone()

    def seen(prediction: Prediction, truths: Tensor) -> Pixels:
        return Pixels(prediction, truths, truth, batch.ids, images=batch.images, ask=target.predict)

    pixels = seen(prediction, batch.truths)
    first, second = signal.measure(pixels), signal.measure(pixels)
    fresh = signal.measure(seen(Prediction(prediction.access, values), truths))
    assert torch.equal(prediction.values, values), f"{signal.name} alters the prediction"
    assert torch.equal(batch.truths, truths), f"{signal.name} alters the truth"
    assert torch.equal(batch.images, images), f"{signal.name} alters the images"
    for again, what in ((second, "a second time"), (fresh, "afresh")):
        assert _equal(first, again), f"{signal.name}: measuring {what} gives other values"


def _equal(first: Columns, second: Columns) -> bool:
    known = first.measured
    return np.array_equal(known, second.measured) and np.array_equal(
        first.values[known], second.values[known]
    )


def check_orientation(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """Members of an overfitted target lie on the side that the signal says."""
    if not signal.info.queries_model:
        return
    world = overfitted_world(truth, records=60, leak=3.0, seed=2)
    assert_oriented(_ask(signal, world.records, truth), world.member, 0.8)


def check_empty_mask(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """An empty mask that the target gets wrong is not measured, or does not look like a member."""
    if truth.background is None or not signal.info.needs_truth or not signal.info.queries_model:
        return
    world = overfitted_world(truth, records=30, leak=3.0, seed=3)
    size = world.records[0].truth.shape
    wrong = torch.zeros(truth.classes, *size)
    wrong[(truth.background + 1) % truth.classes] = 2.0  # sees foreground everywhere
    empty = torch.full(size, truth.background)
    images = [record.image for record in world.records] + [wrong]
    truths = [record.truth for record in world.records] + [empty]
    table = _ask(signal, echo_records(images, truths, truth), truth)
    for j, info in enumerate(table.infos):
        if not info.needs_truth or not table.measured[-1, j]:
            continue
        members = np.flatnonzero(world.member & table.measured[:-1, j])
        typical = np.median(info.sign * table.values[members, j])
        assert info.sign * table.values[-1, j] < typical, f"{info.name}: empty reads as member"


def check_extreme_answers(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """Logits of ten thousand give finite values."""
    records = _world(truth).records
    steep = echo_records(
        [record.image * 1e4 for record in records], [record.truth for record in records], truth
    )
    table = _ask(signal, steep, truth)
    assert np.isfinite(table.values[table.measured]).all(), f"{signal.name}: not finite"


def check_pickle(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """It survives pickling, as worker processes need it to."""
    records = _world(truth).records
    copy = pickle.loads(pickle.dumps(signal))
    assert_same_table(
        _ask(signal, records, truth), _ask(copy, records, truth), 0.0, f"{signal.name}: pickling"
    )


def check_more_access(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """A target that reveals more than the signal needs yields the same values."""
    records = _world(truth).records
    least = _ask(signal, records, truth)
    for access in (level for level in Access if level.grants(signal.info.access)):
        more = measure(_target(signal, truth, access), records, [signal])
        assert_same_table(least, more, max(tolerance, 1e-4), f"{signal.name}: {access} access")


CHECKS: tuple[Callable[[Signal, LabelTruth, float], None], ...] = (
    check_batches,
    check_ignored_pixels,
    check_every_class_counts,
    check_all_ignored,
    check_inputs_untouched,
    check_orientation,
    check_empty_mask,
    check_extreme_answers,
    check_pickle,
    check_more_access,
)
"""In the order in which they are run."""
