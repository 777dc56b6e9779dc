from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.tables import SignalInfo
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.signals import SIGNALS, signals_on
from pixleak.signals.base import Columns, Signal
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.measure import measure
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.module import ModuleTarget
from pixleak.testing.worlds.label_maps import EchoTarget, echo_records, overfitted_world

TRUTH = LabelTruth(2)
LOSS = SIGNALS.make("cross-entropy")
EVERY = [kind() for kind in signals_on(TRUTH).values()]


class Counting(EchoTarget):
    """Counts how often it is asked about how many images."""

    def __init__(self) -> None:
        super().__init__(TRUTH)
        self.asked: list[int] = []

    def _query(self, images: Tensor) -> Tensor:
        self.asked.append(len(images))
        return super()._query(images)


def test_one_query_a_record_whatever_the_signals() -> None:
    target, steps = Counting(), []
    world = overfitted_world(TRUTH, records=10)
    table = measure(
        target,
        world.records,
        [signal for signal in EVERY if signal.info.queries == 1],
        batch_size=4,
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert target.asked == [4, 4, 2]
    assert steps == [(4, 10), (8, 10), (10, 10)]
    assert table.ids == world.records.ids
    assert table.names[0] == "cross-entropy"
    alone = measure(target, world.records, [LOSS])
    assert np.allclose(table.select(signals=["cross-entropy"]).values, alone.values, rtol=1e-6)


def test_further_queries_are_as_many_as_are_stated() -> None:
    target, world = Counting(), overfitted_world(TRUTH, records=5)
    asking = [signal for signal in EVERY if signal.info.queries > 1]
    assert [signal.info.queries for signal in asking] == [8, 16]
    measure(target, world.records, [LOSS, *asking], batch_size=4)
    assert target.asked == [4] * (1 + 7 + 15) + [1] * (1 + 7 + 15)


@dataclass(frozen=True)
class Greedy(Signal):
    """Asks twice beside the shared query, and says once."""

    info = SignalInfo("greedy", "1", "higher", Access.LABEL, summary="x", queries=2)

    def measure(self, pixels: Pixels) -> Columns:
        for _ in "ab":
            pixels.ask(pixels.asked_about)
        return Columns.single(pixels.mean("right"))


def test_a_signal_cannot_ask_more_often_than_it_says() -> None:
    world = overfitted_world(TRUTH, records=2)
    with pytest.raises(InputError, match="'greedy' asks more than 1 times per record"):
        measure(world.target(), world.records, [Greedy()])
    with MapStore() as maps:
        measure(world.target(), world.records, [LOSS], store=maps)
        with pytest.raises(InputError, match="stored answers cannot be asked again"):
            maps.pixels(["r0"]).ask(torch.zeros(1, 2, 24, 24))
        with pytest.raises(InputError, match="images are not known here"):
            Greedy().measure(maps.pixels(["r0"]))


class Keeps(torch.nn.Module):
    """Keeps what it last saw, as some modules do."""

    seen: Tensor

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images
        return images


def test_further_queries_leave_a_module_that_can_be_trained() -> None:
    module, world = Keeps(), overfitted_world(TRUTH, records=2)
    target = ModuleTarget(module, TRUTH, Access.LOGIT)
    measure(target, world.records, [SIGNALS.make("transform-agreement")])
    assert not module.seen.is_inference()


def test_what_the_target_cannot_give_is_refused_before_it_is_asked() -> None:
    world = overfitted_world(TRUTH, records=4)
    for signal in (LOSS, SIGNALS.make("margin-by-stratum")):
        with pytest.raises(UnmetNeedError, match="needs probability access, but echo of labels"):
            measure(world.target(Access.LABEL), world.records, [signal])
    measure(world.target(Access.LABEL), world.records, [SIGNALS.make("label-agreement")])


def test_what_does_not_go_together_is_refused() -> None:
    world = overfitted_world(TRUTH, records=4)
    with pytest.raises(InputError, match="column named 'cross-entropy'"):
        measure(world.target(), world.records, [LOSS, LOSS])
    with pytest.raises(InputError, match="no signal to measure"):
        measure(world.target(), world.records, [])
    with pytest.raises(InputError, match="both must have the same classes"):
        measure(EchoTarget(LabelTruth(3)), world.records, [LOSS])
    pictures = Records(
        [RecordKey("a")], lambda i: (torch.zeros(1, 2, 2),) * 2, ImageTruth(1), "pictures"
    )
    with pytest.raises(UnmetNeedError, match="is measured where the truth is a label map"):
        measure(ModuleTarget(torch.nn.Identity(), ImageTruth(1), Access.IMAGE), pictures, [LOSS])
    with pytest.raises(InputError, match="both must have the same channels and range"):
        measure(world.target(), pictures, [LOSS])


@pytest.mark.parametrize("access", [a for a in Access if not a.of_images])
def test_stored_answers_come_back_by_id(access: Access) -> None:
    truth = LabelTruth(3, ignore=-1)
    world = overfitted_world(truth, records=7)
    signals = [SIGNALS.make("label-agreement")]
    if access is not Access.LABEL:
        signals += [LOSS, SIGNALS.make("margin-by-stratum")]
    with MapStore() as maps:
        table = measure(world.target(access), world.records, signals, batch_size=3, store=maps)
        assert maps.ids == world.records.ids
        assert (maps.truth, maps.access, len(maps)) == (truth, access, 7)
        wanted = ("r5", "r0", "r3")
        pixels = maps.pixels(wanted)
        assert torch.equal(pixels.truths[0], world.records[5].truth)
        again = np.concatenate([signal.measure(pixels).values for signal in signals], axis=1)
        assert np.array_equal(again, table.select(ids=wanted).values)
        assert [part.ids for part in maps.batches(wanted, 2)] == [("r5", "r0"), ("r3",)]


def test_halved_logits_are_nearly_as_good(tmp_path: Path) -> None:
    world = overfitted_world(TRUTH, records=4)
    with MapStore(tmp_path, dtype="float16") as maps:
        table = measure(world.target(), world.records, [LOSS], store=maps)
        found = LOSS.measure(maps.pixels(world.records.ids)).values
        assert np.allclose(found, table.values, rtol=1e-3)
        assert (tmp_path / "predictions.bin").stat().st_size == 4 * 2 * 24 * 24 * 2
    assert list(tmp_path.iterdir()) == []
    with MapStore(tmp_path, dtype="float16") as maps:  # probabilities are never halved
        table = measure(world.target(Access.PROBABILITY), world.records, [LOSS], store=maps)
        assert np.array_equal(LOSS.measure(maps.pixels(["r0"])).values, table.values[:1])


def test_a_store_cleans_up_also_after_an_error() -> None:
    records = overfitted_world(TRUTH, records=2).records
    maps = MapStore()
    assert maps.folder.is_dir()
    with pytest.raises(UnmetNeedError), maps:
        measure(EchoTarget(TRUTH, Access.LABEL), records, [LOSS], store=maps)
    assert not maps.folder.exists()
    maps.close()


def test_a_store_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    world = overfitted_world(TRUTH, records=2)
    with MapStore(tmp_path) as maps:
        with pytest.raises(InputError, match="pass it to measure"):
            _ = maps.truth
        measure(world.target(), world.records, [LOSS], store=maps)
        with pytest.raises(InputError, match="'r0' is in the map store already"):
            measure(world.target(), world.records, [LOSS], store=maps)
        with pytest.raises(InputError, match="'nowhere' is not in the map store"):
            maps.pixels(["nowhere"])
        other = echo_records([torch.zeros(2, 4, 4)] * 3, [torch.zeros(4, 4)] * 3, TRUTH)
        with pytest.raises(InputError, match="one model's maps of one size"):
            measure(world.target(), other.select(["r2"]), [LOSS], store=maps)
    missing = MapStore(tmp_path / "missing")
    with pytest.raises(InputError, match="cannot write predictions"):
        measure(world.target(), world.records, [LOSS], store=missing)
