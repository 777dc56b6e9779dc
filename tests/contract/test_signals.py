"""Every signal of the table keeps the contract, and the contract can be broken."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.core.access import Access
from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.tables import SignalInfo
from pixleak.core.truth import ImageTruth
from pixleak.signals import SIGNALS
from pixleak.signals.base import Columns, Signal
from pixleak.signals.generation.base import ImageSignal
from pixleak.testing import check_signal
from pixleak.testing.signals.on_label_maps import TRUTHS


@pytest.mark.parametrize("name", SIGNALS)
def test_signals_keep_the_contract(name: str) -> None:
    signal = SIGNALS.make(name)
    try:
        signal.prepare()
    except (MissingExtraError, InputError) as error:  # no package, or no weights to be fetched
        pytest.skip(str(error))
    check_signal(signal)


class Coupled(Signal):
    """Breaks the contract: its values depend on the batch."""

    info = SignalInfo("coupled", "1", "lower", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        loss = pixels.mean("cross_entropy")
        return Columns.single(loss - loss.mean())


class DropsLabelZero(Signal):
    """Breaks the contract: takes label 0 for "nothing here"."""

    info = SignalInfo("drops-zero", "1", "lower", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        sums = pixels.sums("cross_entropy")[:, 1:].sum(axis=(1, 2))
        return Columns.single(sums / pixels.class_count[:, 1:].sum(axis=1))


class CountsIgnored(Signal):
    """Breaks the contract: ignored pixels count."""

    info = SignalInfo("counts-ignored", "1", "lower", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        return Columns.single(pixels.cross_entropy.mean(dim=(1, 2)).double().numpy())


class WrongWay(Signal):
    """Breaks the contract: members lie at the other end."""

    info = SignalInfo("wrong-way", "1", "higher", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        return Columns.single(pixels.mean("cross_entropy"))


class EmptyIsPerfect(Signal):
    """Breaks the contract: an empty mask has a Dice loss of 0."""

    info = SignalInfo("empty-is-perfect", "1", "lower", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        dice = SIGNALS.make("dice-loss").measure(pixels)
        return Columns.single(np.where(dice.measured, dice.values, 0.0)[:, 0])


class UsualWhereItCannotBe(Signal):
    """Breaks the contract: usual where the target gives away less than it needs."""

    usual_at = (Access.LABEL,)
    info = SignalInfo("usual", "1", "lower", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        return Columns.single(pixels.mean("cross_entropy"))


@pytest.mark.parametrize(
    ("signal", "complaint"),
    [
        (Coupled(), "batching changes values"),
        (DropsLabelZero(), "pixels of class 0 changes nothing"),
        (CountsIgnored(), "ignored pixels changes values"),
        (WrongWay(), "members are not higher"),
        (EmptyIsPerfect(), "empty reads as member"),
        (UsualWhereItCannotBe(), "usual at label access, but needs probability"),
    ],
)
def test_the_contract_catches(signal: Signal, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_signal(signal, TRUTHS[:2])


class Infinite(ImageSignal):
    """Breaks the contract: a perfect answer has no logarithm."""

    info = SignalInfo("infinite", "1", "lower", Access.IMAGE, summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        with np.errstate(divide="ignore"):
            return Columns.single(np.log(pixels.mean_of(pixels.absolute_error)))


class Difference(ImageSignal):
    """Breaks the contract: a plain difference cancels."""

    info = SignalInfo("difference", "1", "lower", Access.IMAGE, summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        return Columns.single(pixels.mean_of(pixels.residual.mean(dim=1)))


class Labels(ImageSignal):
    """Breaks the contract: a generator grants no probabilities."""

    info = SignalInfo("labels", "1", "lower", summary="wrong", source="test")

    def measure(self, pixels):  # type: ignore[no-untyped-def]
        return Columns.single(pixels.mean_of(pixels.absolute_error))


@pytest.mark.parametrize(
    ("signal", "complaint"),
    [
        (Infinite(), "not finite"),
        (Difference(), "members are not lower"),
        (Labels(), "access is probability"),
    ],
)
def test_the_contract_catches_on_images(signal: Signal, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_signal(signal, [ImageTruth(3)])
