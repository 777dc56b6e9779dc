"""Checks of signals that are measured on images, which ``check_signal`` runs.

Every check takes the signal, a kind of truth, and a tolerance between the same record in different
batches.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import torch

from pixleak.core.access import Access
from pixleak.core.tables import SignalTable
from pixleak.core.truth import ImageTruth
from pixleak.signals.base import Signal
from pixleak.signals.measure import measure
from pixleak.signals.pixels.images import ImagePixels
from pixleak.targets.base import Prediction
from pixleak.testing.common import assert_oriented, assert_same_table
from pixleak.testing.worlds.images import ImageWorld, remembered_images

TRUTHS = (ImageTruth(3), ImageTruth(1, low=-1.0))
"""Colour images in [0, 1], and grey ones in [-1, 1]."""


def _ask(signal: Signal, world: ImageWorld, batch_size: int = 8) -> SignalTable:
    samples = 3 if signal.needs_samples else 1
    target = world.target(signal.info.access)
    return measure(target, world.records, [signal], batch_size=batch_size, samples=samples)


def _pixels(outputs: torch.Tensor, truths: torch.Tensor, truth: ImageTruth) -> ImagePixels:
    return ImagePixels(
        Prediction(Access.DISCRIMINATOR, outputs),
        truths,
        truth,
        judge=lambda: torch.zeros(len(truths)),
        samples=torch.stack([outputs, (outputs + truths) / 2]),
    )


def check_batches(signal: Signal, truth: ImageTruth, tolerance: float) -> None:
    """A batch of eight equals eight batches of one, in any order."""
    world = remembered_images(truth, records=8, leak=1.0)
    whole = _ask(signal, world)
    deed = f"{signal.name}: batching"
    assert_same_table(whole, _ask(signal, world, batch_size=1), tolerance, deed)
    backwards = _ask(signal, world.reversed(), batch_size=3).select(ids=world.records.ids)
    assert_same_table(whole, backwards, tolerance, f"{signal.name}: order")


def check_orientation(signal: Signal, truth: ImageTruth, tolerance: float) -> None:
    """Members of a generator that remembers them lie on the side that the signal says."""
    if signal.info.queries_model:
        world = remembered_images(truth, records=24, leak=3.0)
        assert_oriented(_ask(signal, world), world.member, 0.9)


def check_inputs_untouched(signal: Signal, truth: ImageTruth, tolerance: float) -> None:
    """Outputs and true images are not changed, and a second measurement gives the same values."""
    batch = next(remembered_images(truth, records=4, leak=1.0).records.batches(4))
    outputs, truths = batch.images.clone(), batch.truths.clone()
    pixels = _pixels(batch.images, batch.truths, truth)
    first, second = signal.measure(pixels), signal.measure(pixels)
    assert torch.equal(batch.images, outputs), f"{signal.name} alters the outputs"
    assert torch.equal(batch.truths, truths), f"{signal.name} alters the true images"
    same = np.array_equal(first.values, second.values)
    assert same, f"{signal.name}: measuring a second time gives other values"


def check_perfect_answers(signal: Signal, truth: ImageTruth, tolerance: float) -> None:
    """An output equal to the true image gives finite values."""
    truths = next(remembered_images(truth, records=2, leak=1.0).records.batches(2)).truths
    found = signal.measure(_pixels(truths, truths, truth))
    assert np.isfinite(found.values[found.measured]).all(), f"{signal.name}: not finite"


def check_pickle(signal: Signal, truth: ImageTruth, tolerance: float) -> None:
    """It survives pickling, as worker processes need it to."""
    world = remembered_images(truth, records=4, leak=1.0)
    copy = pickle.loads(pickle.dumps(signal))
    assert_same_table(_ask(signal, world), _ask(copy, world), 0.0, f"{signal.name}: pickling")


CHECKS: tuple[Callable[[Signal, ImageTruth, float], None], ...] = (
    check_batches,
    check_orientation,
    check_inputs_untouched,
    check_perfect_answers,
    check_pickle,
)
"""In the order in which they are run."""
