"""Every signal of the tables keeps the contract."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import SignalInfo
from pixleak.core.truth import LabelTruth
from pixleak.signals import SIGNALS, signals_on
from pixleak.signals.base import Columns, Signal
from pixleak.signals.learned import LEARNED
from pixleak.signals.learned.base import FittedSignal
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.measure import measure
from pixleak.testing.signals import TRUTHS, access_levels, check_signal
from pixleak.testing.worlds.label_maps import EchoTarget, WobblyTarget, overfitted_world

QUICK: dict[str, dict[str, object]] = {
    "type-i-network": {"width": 4, "epochs": 6, "batch_size": 8},
    "type-ii-network": {"width": 4, "epochs": 16, "batch_size": 8, "lr": 3e-3},
    "loss-map-patches": {"width": 4, "epochs": 6},
}


@pytest.mark.parametrize("name", signals_on(LabelTruth(2)))
def test_fixed_signals_keep_the_contract(name: str) -> None:
    check_signal(SIGNALS.make(name))


@pytest.mark.parametrize("name", signals_on(LabelTruth(2)))
def test_more_access_gives_the_same_values(name: str) -> None:
    signal, truth = SIGNALS.make(name), LabelTruth(3, ignore=255)
    records = overfitted_world(truth, records=6).records
    kind = EchoTarget if signal.info.queries == 1 else WobblyTarget
    tables = [measure(kind(truth, a), records, [signal]) for a in access_levels(signal)]
    for table in tables[1:]:
        assert np.array_equal(table.measured, tables[0].measured)
        assert np.allclose(table.values, tables[0].values, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module", params=list(LEARNED))
def fitted(request: pytest.FixtureRequest) -> Iterator[FittedSignal]:
    truth = LabelTruth(2, ignore=255)
    shadow = overfitted_world(truth, records=64, leak=3.0, seed=8)
    member = dict(zip(shadow.records.ids, shadow.member.tolist(), strict=True))
    with MapStore() as maps:
        measure(shadow.target(), shadow.records, [SIGNALS.make("cross-entropy")], store=maps)
        learned = LEARNED[request.param](**QUICK.get(request.param, {}))
        yield learned.fit(maps, shadow.records, member, seed=0)


def test_learned_signals_keep_the_contract(fitted: FittedSignal) -> None:
    # A network's sums run in another order in a batch of another size.
    check_signal(fitted, [LabelTruth(2, ignore=255)], tolerance=1e-4)


def test_learned_signals_survive_the_way_to_disk(fitted: FittedSignal, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    back = type(fitted).load(tmp_path)
    assert (back.info, dict(back.history)) == (fitted.info, dict(fitted.history))
    world = overfitted_world(LabelTruth(2, ignore=255), records=4, seed=9)
    first = measure(world.target(), world.records, [fitted])
    assert np.array_equal(first.values, measure(world.target(), world.records, [back]).values)


@pytest.mark.parametrize("name", LEARNED)
def test_learning_twice_from_one_seed_gives_one_signal(name: str) -> None:
    truth = LabelTruth(3, background=None)
    shadow = overfitted_world(truth, records=16, seed=4)
    member = dict(zip(shadow.records.ids, shadow.member.tolist(), strict=True))
    before = torch.random.get_rng_state()
    with MapStore() as maps:
        measure(shadow.target(), shadow.records, [SIGNALS.make("cross-entropy")], store=maps)
        quick = QUICK.get(name, {}) | ({"epochs": 1} if name in QUICK else {})
        pair = [LEARNED[name](**quick).fit(maps, shadow.records, member, seed=3) for _ in "ab"]
    assert torch.equal(before, torch.random.get_rng_state())
    first, second = (measure(shadow.target(), shadow.records, [s]).values for s in pair)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("name", LEARNED)
def test_learning_refuses_what_it_cannot_learn_from(name: str) -> None:
    world = overfitted_world(LabelTruth(2), records=12)
    member = dict(zip(world.records.ids, world.member.tolist(), strict=True))
    learned = LEARNED[name]()
    with MapStore() as maps:
        measure(world.target(), world.records, [SIGNALS.make("cross-entropy")], store=maps)
        with pytest.raises(InputError, match="at least 4 of each, got 0 and 12"):
            learned.fit(maps, world.records, dict.fromkeys(member, False), seed=0)
        with pytest.raises(InputError, match="membership of 'r0' is unknown"):
            learned.fit(maps, world.records, {}, seed=0)
    with MapStore() as maps:
        measure(world.target(Access.LABEL), world.records, [SIGNALS.make("mask-share")], store=maps)
        with pytest.raises(UnmetNeedError, match="needs probability access"):
            learned.fit(maps, world.records, member, seed=0)


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


@pytest.mark.parametrize(
    ("signal", "complaint"),
    [
        (Coupled(), "batching changes values"),
        (DropsLabelZero(), "pixels of class 0 changes nothing"),
        (CountsIgnored(), "ignored pixels changes values"),
        (WrongWay(), "members are not higher"),
        (EmptyIsPerfect(), "empty reads as member"),
    ],
)
def test_the_contract_catches(signal: Signal, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_signal(signal, TRUTHS[:2])
