"""Checks that a learned signal keeps its contract.

For authors of learned signals, here and elsewhere::

    from pixleak.testing import check_learned_signal

    def test_my_learned_signal():
        check_learned_signal(MyLearnedSignal(epochs=5))

Passing them is necessary and not sufficient: give the learned signal a test of what it learns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from pixleak.core.access import Access
from pixleak.core.errors import InputError, PixleakError, UnmetNeedError
from pixleak.core.truth import LabelTruth
from pixleak.signals import SIGNALS
from pixleak.signals.learned.base import MIN_SIDE, FittedSignal, LearnedSignal
from pixleak.signals.learned.map_store import MapStore
from pixleak.signals.measure import measure
from pixleak.testing.common import assert_described, assert_value_object
from pixleak.testing.signals.fixed import check_signal
from pixleak.testing.worlds.label_maps import LabelWorld, overfitted_world

TRUTH = LabelTruth(2, ignore=255)

TOLERANCE = 1e-4
"""A network sums in another order in a batch of another size."""


def check_learned_signal(
    learned: LearnedSignal, *, records: int = 64, tolerance: float = TOLERANCE
) -> None:
    """Run every contract check.

    Args:
        learned: with the parameters to check it at; few epochs keep the check short.
        records: of the toy shadow, half of them members.
        tolerance: relative and absolute, between the same record in different batches.

    Raises:
        AssertionError: with the check that failed, and how.
    """
    assert_value_object(learned)
    check_description(learned)
    check_refusals(learned)
    shadow = overfitted_world(TRUTH, records=records, leak=3.0, seed=8)
    with _answers(shadow, learned.info.access) as maps:
        fitted = check_fit(learned, shadow, maps)
    check_signal(fitted, [TRUTH], tolerance=tolerance)
    check_disk(learned, fitted)


def check_description(learned: LearnedSignal) -> None:
    """It says what the fitted signal will be."""
    info = learned.info
    assert_described(info)
    assert info.learned, f"{info.name}: info.learned must be True"
    assert issubclass(learned.fitted, FittedSignal), f"{info.name}: fitted names no FittedSignal"
    assert learned.fitted.kind.strip(), f"{info.name}: the fitted class has no kind"


def check_fit(learned: LearnedSignal, shadow: LabelWorld, maps: MapStore) -> FittedSignal:
    """One seed gives one signal, of the class that was named, and moves no global generator."""
    name, member = learned.name, _membership(shadow)
    before = torch.random.get_rng_state()
    pair = [learned.fit(maps, shadow.records, member, seed=3) for _ in "ab"]
    assert torch.equal(before, torch.random.get_rng_state()), f"{name}: moves torch's generator"
    fitted = pair[0]
    assert type(fitted) is learned.fitted, (
        f"{name}: fit returned a {type(fitted).__name__}, but fitted names "
        f"{learned.fitted.__name__}"
    )
    assert fitted.info == learned.info, f"{name}: the fitted signal describes itself otherwise"
    one, two = (_values(signal, shadow) for signal in pair)
    assert np.array_equal(one, two), f"{name}: learning twice from one seed gives two signals"
    assert pair[0].identity == pair[1].identity, f"{name}: equal signals have two identities"
    return fitted


def check_disk(learned: LearnedSignal, fitted: FittedSignal) -> None:
    """What is saved and loaded again measures the same."""
    with TemporaryDirectory() as folder:
        fitted.save(Path(folder))
        back = learned.fitted.load(Path(folder))
    same = (back.info, dict(back.history)) == (fitted.info, dict(fitted.history))
    assert same, f"{learned.name}: info or history do not survive saving"
    world = overfitted_world(TRUTH, records=4, seed=9)
    same = np.array_equal(_values(fitted, world), _values(back, world))
    assert same, f"{learned.name}: saving changes its values"


def check_refusals(learned: LearnedSignal) -> None:
    """It refuses to learn from one side, without membership, and from too little access."""
    world = overfitted_world(LabelTruth(2), records=3 * MIN_SIDE)
    member = _membership(world)
    with _answers(world, Access.LOGIT) as maps:
        for given, what in ((dict.fromkeys(member, False), "one side"), ({}, "no membership")):
            _assert_refused(learned, maps, world, given, InputError, f"learns from {what}")
    if learned.info.access is Access.LABEL:
        return
    with _answers(world, Access.LABEL) as maps:
        _assert_refused(
            learned, maps, world, member, UnmetNeedError, "learns from labels, but says it cannot"
        )


def _assert_refused(
    learned: LearnedSignal,
    maps: MapStore,
    world: LabelWorld,
    member: Mapping[str, bool],
    error: type[PixleakError],
    deed: str,
) -> None:
    try:
        learned.fit(maps, world.records, member, seed=0)
    except error:
        return
    raise AssertionError(f"{learned.name}: it {deed}")


@contextmanager
def _answers(world: LabelWorld, access: Access) -> Iterator[MapStore]:
    with MapStore() as maps:
        measure(world.target(access), world.records, [SIGNALS.make("mask-share")], store=maps)
        yield maps


def _membership(world: LabelWorld) -> dict[str, bool]:
    return dict(zip(world.records.ids, world.member.tolist(), strict=True))


def _values(signal: FittedSignal, world: LabelWorld) -> np.ndarray:
    return measure(world.target(), world.records, [signal]).values
