"""Checks that a signal keeps its contract.

For authors of signals, here and elsewhere::

    from pixleak.testing import check_signal

    def test_my_signal():
        check_signal(MySignal(share=0.2))

Passing them is necessary and not sufficient: give the signal one example worked by hand as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth, Truth
from pixleak.signals.base import Signal
from pixleak.testing.common import assert_described
from pixleak.testing.signals import on_images, on_label_maps

TOLERANCE = 1e-6


def check_signal(
    signal: Signal, truths: Sequence[Truth] | None = None, *, tolerance: float = TOLERANCE
) -> None:
    """Run every contract check that applies to the signal.

    Args:
        signal: with the parameters to check it at.
        truths: kinds of truth to check it on; None: those that its class says. A fitted learned
            signal knows only the one it was trained on.
        tolerance: relative and absolute, between the same record in different batches. Signals of
            images are given ten times as much, since networks and convolutions sum in an order that
            depends on the batch.

    Raises:
        AssertionError: with the check that failed, and how.
    """
    if truths is None:
        every = (*on_label_maps.TRUTHS, *on_images.TRUTHS)
        truths = [truth for truth in every if signal.measured_on(truth)]
    check_defaults(signal)
    for truth in truths:
        check_description(signal, truth)
        if isinstance(truth, LabelTruth):
            for on_labels in on_label_maps.CHECKS:
                on_labels(signal, truth, tolerance)
        else:
            for on_image in on_images.CHECKS:
                on_image(signal, truth, 10 * tolerance)


def check_description(signal: Signal, truth: Truth) -> None:
    """It says what it is called, what it is, and where it comes from."""
    infos = signal.infos(truth)
    assert infos, f"{signal.name} has no column"
    for info in (signal.info, *infos):
        assert_described(info)
        if info.queries_model:
            on_images = not isinstance(truth, LabelTruth)
            assert info.access.of_images == on_images, f"{info.name}: access is {info.access}"
    assert len({info.name for info in infos}) == len(infos), f"{signal.name}: a name occurs twice"
    assert signal.identity, f"{signal.name}: identity is empty"


def check_defaults(signal: Signal) -> None:
    """Where it is usual, the target's access suffices for it."""
    for access in signal.usual_at:
        assert access in Access, f"{signal.name}: usual_at holds {access!r}, which is no access"
        assert access.grants(signal.info.access), (
            f"{signal.name}: it is usual at {access} access, but needs {signal.info.access}"
        )
    assert signal.rank is None or isinstance(signal.rank, int), f"{signal.name}: rank is no number"
