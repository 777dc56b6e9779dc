"""Checks that a signal keeps its contract.

For authors of signals, here and elsewhere::

    from pixleak.testing.signals import check_signal

    def test_my_signal():
        check_signal(MySignal(share=0.2))

Passing them is necessary and not sufficient: give the signal one example worked by hand as well.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence

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
from pixleak.testing.toy_signals import (
    EchoTarget,
    WobblyTarget,
    World,
    echo_records,
    overfitted_world,
)

TRUTHS = (LabelTruth(2), LabelTruth(2, ignore=255), LabelTruth(3, ignore=-1, background=None))
"""Binary, binary with ignored pixels, and three classes none of which is background."""

TOLERANCE = 1e-6


def check_signal(
    signal: Signal, truths: Sequence[LabelTruth] = TRUTHS, *, tolerance: float = TOLERANCE
) -> None:
    """Run every contract check.

    Args:
        signal: with the parameters to check it at.
        truths: kinds of truth to check it on; a learned signal knows only the one it learnt.
        tolerance: relative and absolute, between the same record in different batches.

    Raises:
        AssertionError: with the check that failed, and how.
    """
    checks: tuple[Callable[[Signal, LabelTruth, float], None], ...] = (
        check_description,
        check_batches,
        check_ignored_pixels,
        check_every_class_counts,
        check_all_ignored,
        check_inputs_untouched,
        check_orientation,
        check_empty_mask,
        check_extreme_answers,
        check_pickle,
    )
    for truth in truths:
        for check in checks:
            check(signal, truth, tolerance)


def _ask(signal: Signal, records: Records, truth: LabelTruth, batch_size: int = 8) -> SignalTable:
    return measure(_target(signal, truth), records, [signal], batch_size=batch_size)


def _target(signal: Signal, truth: LabelTruth) -> EchoTarget:
    # At the least access the signal says it needs: it must not depend on more. What asks about
    # changed images learns nothing from a target that changes its answers in just the same way.
    kind = EchoTarget if signal.info.queries == 1 else WobblyTarget
    return kind(truth, signal.info.access)


def _same(first: SignalTable, second: SignalTable, tolerance: float, what: str) -> None:
    assert np.array_equal(first.measured, second.measured), f"{what} changes what is measured"
    known = first.measured
    assert np.allclose(first.values[known], second.values[known], rtol=tolerance, atol=tolerance), (
        f"{what} changes values by up to {np.abs(first.values - second.values)[known].max():.3g}"
    )


def _world(truth: LabelTruth, leak: float = 2.0) -> World:
    return overfitted_world(truth, records=16, leak=leak, seed=1)


def check_description(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """It says what it is called, what it is, and where it comes from."""
    infos = signal.infos(truth)
    assert infos, f"{signal.name} has no column"
    for info in (signal.info, *infos):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", info.name), f"{info.name!r}: no kebab-case"
        for field in ("unit", "summary", "source"):
            assert getattr(info, field).strip(), f"{info.name}: {field} is empty"
    assert len({info.name for info in infos}) == len(infos), f"{signal.name}: a name occurs twice"


def check_batches(signal: Signal, truth: LabelTruth, tolerance: float) -> None:
    """A batch of eight equals eight batches of one, in any order."""
    records = _world(truth).records
    whole = _ask(signal, records, truth)
    _same(whole, _ask(signal, records, truth, batch_size=1), tolerance, f"{signal.name}: batching")
    backwards = _ask(signal, records.select(records.ids[::-1]), truth, batch_size=5)
    _same(whole, backwards.select(ids=records.ids), tolerance, f"{signal.name}: order")


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
    _same(
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
    """Prediction and truth are left as they were, and a second look sees the same."""
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
    table = _ask(signal, world.records, truth)
    for j, info in enumerate(table.infos):
        known = table.measured[:, j]
        score = info.sign * table.values[known, j]
        inside, outside = score[world.member[known]], score[~world.member[known]]
        if min(len(inside), len(outside)) < 10:  # a stratum that few of the records have
            continue
        auc = (inside[:, None] > outside).mean() + (inside[:, None] == outside).mean() / 2
        assert auc > 0.8, f"{info.name}: members are not {info.members_are} (AUC {auc:.2f})"


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
    _same(_ask(signal, records, truth), _ask(copy, records, truth), 0.0, f"{signal.name}: pickling")


def access_levels(signal: Signal) -> tuple[Access, ...]:
    """The levels of access that serve the signal, the least first."""
    return tuple(level for level in Access if level.grants(signal.info.access))
