"""Attacks are evaluated with their controls, and left out with a reason where they cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.core.progress import Silent
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, Floats, SignalTable
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.judging import Judged, judge, too_few
from pixleak.pipeline.measuring.measured import Measured, MeasuredPart, PartName
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.choosing import choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Store
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.request.file import parse_request
from toy_records import bright_squares

SIGNALS = ("cross-entropy", "dice-loss")


@pytest.fixture(scope="module")
def plan() -> Plan:
    content: dict[str, Any] = {
        "seed": 1,
        "records": {"reader": "phantom", "count": 60},
        "split": {"target_members": 30, "target_nonmembers": 30},
        "target": {"recipe": {"network": "tiny", "epochs": 1}},
        "attacker": {"shadow": None, "signals": list(SIGNALS), "attacks": []},
        "evaluation": {"replicates": 100},
    }
    squares = bright_squares(60, (16, 16))
    return build(parse_request(content), lambda source: squares)


@pytest.fixture(scope="module")
def records(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> PreparedRecords:
    return prepare(plan.records.select(plan.audited), tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def losses(plan: Plan, gap: float, measured: Bools | None = None) -> SignalTable:
    """Losses that are lower by ``gap`` for members, beside a spread of 1."""
    members = set(plan.ids(Role.TARGET_MEMBERS))
    ids = plan.audited
    spread = np.random.default_rng(0).permutation(np.linspace(0, 1, len(ids)))
    column: Floats = spread + gap * np.array([key not in members for key in ids])
    values = np.stack([column, column], axis=1)
    infos = tuple(one.info for one in choose(plan).attacks)
    assert tuple(info.name for info in infos) == SIGNALS
    known: Bools = np.ones(values.shape, dtype=bool) if measured is None else measured
    return SignalTable(ids, values, infos, known)


def judged(
    plan: Plan,
    records: PreparedRecords,
    store: Store,
    target: SignalTable,
    untrained: SignalTable | None,
) -> Judged:
    measured = Measured({PartName.AUDITED: MeasuredPart(target, untrained)}, {})
    return judge(
        plan, choose(plan), measured, records, "nothing to take away", [], store, Silent(), Clock()
    )


def test_an_attack_stands_beside_its_control(
    plan: Plan, records: PreparedRecords, store: Store
) -> None:
    found = judged(plan, records, store, losses(plan, 2.0), losses(plan, 0.0))
    assert [attack.signal for attack in found.attacks] == list(SIGNALS)
    for attack in found.attacks:
        assert attack.auc.value == 1.0
        assert attack.control_auc is not None
        assert attack.control_auc.low < 0.5 < attack.control_auc.high
        assert attack.control_note == ""
    blind, untrained, elsewhere = found.controls
    assert (elsewhere.name, elsewhere.passed) == ("trained-elsewhere", None)
    assert "neither a shadow model nor a pool" in elsewhere.explanation
    assert (blind.name, untrained.name) == ("blind-baseline", "untrained-model")
    assert untrained.passed is True
    assert untrained.auc == found.attacks[0].control_auc
    assert len(found.blind) == 60
    assert found.left_out == []


def test_a_control_that_tells_the_sides_apart_fails(
    plan: Plan, records: PreparedRecords, store: Store
) -> None:
    found = judged(plan, records, store, losses(plan, 2.0), losses(plan, 2.0))
    assert found.controls[1].passed is False


def test_without_an_untrained_model_the_reason_is_told(
    plan: Plan, records: PreparedRecords, store: Store
) -> None:
    found = judged(plan, records, store, losses(plan, 2.0), None)
    assert {attack.control_note for attack in found.attacks} == {"nothing to take away"}
    control = found.controls[1]
    assert (control.auc, control.passed) == (None, None)
    assert control.explanation.endswith("nothing to take away.")


def test_an_attack_on_too_few_records_is_left_out_with_its_reason(
    plan: Plan, records: PreparedRecords, store: Store
) -> None:
    known: Bools = np.ones((60, 2), dtype=bool)
    known[:25, 1] = False
    found = judged(plan, records, store, losses(plan, 2.0, known), None)
    assert [attack.signal for attack in found.attacks] == ["cross-entropy"]
    (told,) = found.left_out
    assert told.startswith("dice-loss was left out: it is defined for 5 of 30 ")
    known = np.zeros((60, 2), dtype=bool)
    with pytest.raises(InputError, match="no attack can be evaluated: cross-entropy was left out"):
        judged(plan, records, store, losses(plan, 2.0, known), None)


def test_ten_records_of_five_units_are_enough(
    plan: Plan, records: PreparedRecords, store: Store
) -> None:
    found = judged(plan, records, store, losses(plan, 2.0), None)
    scores = found.scored[0].scores
    inside = set(plan.ids(Role.TARGET_MEMBERS))
    member: Bools = np.array([key in inside for key in scores.ids])
    apart = [f"u{i}" for i in range(60)]
    assert too_few(scores, member, apart) == ""
    rank = {key: i for side in (member, ~member) for i, key in enumerate(np.flatnonzero(side))}
    for kept, units, enough in ((10, 5, True), (9, 9, False), (30, 4, False)):
        known: Bools = np.array([rank[i] < kept for i in range(60)])
        held = [f"{member[i]} {rank[i] % units}" for i in range(60)]
        told = too_few(replace(scores, measured=known), member, held)
        assert (told == "") == enough, told


def test_a_control_on_too_few_records_is_not_measured_and_says_why(
    plan: Plan, records: PreparedRecords, store: Store
) -> None:
    known: Bools = np.ones((60, 2), dtype=bool)
    known[:25] = False
    found = judged(plan, records, store, losses(plan, 2.0), losses(plan, 0.0, known))
    why = "on the untrained model it is defined for 5 of 30 "
    for attack in found.attacks:
        assert attack.auc.value == 1.0
        assert attack.control_auc is None
        assert attack.control_note.startswith(why)
    control = found.controls[1]
    assert (control.auc, control.passed) == (None, None)
    assert control.explanation.startswith(f"Not measured: {why}")
    # Where another attack's control was measured, that one is shown.
    known[:, 1] = True
    other = judged(plan, records, store, losses(plan, 2.0), losses(plan, 0.0, known)).controls[1]
    assert other.passed is True


@pytest.mark.parametrize(("unmeasured", "points"), [(0, {"oracle", "shadow"}), (25, {"oracle"})])
def test_a_shadow_measured_on_too_few_records_lends_no_threshold(
    unmeasured: int, points: set[str], store: Store, tmp_path: Path
) -> None:
    content: dict[str, Any] = {
        "records": {"reader": "phantom", "count": 120},
        "split": {"target_members": 30},
        "target": {"recipe": {"network": "tiny", "epochs": 1}},
        "attacker": {"learned": [], "signals": list(SIGNALS), "attacks": []},
        "evaluation": {"replicates": 100},
    }
    squares = bright_squares(120, (16, 16))
    plan = build(parse_request(content), lambda source: squares)
    ids = (*plan.ids(Role.SHADOW_MEMBERS), *plan.ids(Role.SHADOW_NONMEMBERS))
    target = losses(plan, 2.0)
    known: Bools = np.ones((60, 2), dtype=bool)
    known[:unmeasured, 1] = False
    shadow = SignalTable(ids, target.values, target.infos, known)
    measured = Measured({PartName.AUDITED: MeasuredPart(target, None)}, {}, shadow)
    own = prepare(plan.records.select(plan.audited), tmp_path)
    found = judge(plan, choose(plan), measured, own, "no twin", [], store, Silent(), Clock())
    told = [one for one in found.left_out if "no threshold from the attacker's own models" in one]
    assert len(told) == (unmeasured > 0)
    dice = next(attack for attack in found.attacks if attack.signal == "dice-loss")
    assert {point.name for point in dice.operating_points} - {"shadow-training-loss"} == points
