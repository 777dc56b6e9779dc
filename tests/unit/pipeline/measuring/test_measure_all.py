"""Every model is asked once per record, and what it said is kept by the records it is about."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.progress import Silent
from pixleak.core.roles import Role
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.measuring.measure_all import measure_all
from pixleak.pipeline.measuring.measured import Measured, MeasuredPart, PartName
from pixleak.pipeline.measuring.stored_tables import read_pass, write_pass
from pixleak.pipeline.models import Model, Models, Reference
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.choosing import choose
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import Store
from pixleak.records.prepared.prepare import PreparedRecords, prepare
from pixleak.request.file import parse_request
from pixleak.results.models import ModelInfo
from pixleak.targets.base import Target
from toy_records import bright_squares


class Counting(Target):
    """Answers with the image's brightness, shifted, and counts the images it is asked about."""

    def __init__(self, plan: Plan, shift: float) -> None:
        super().__init__(plan.truth, Access.PROBABILITY, "counting")
        self.shift = shift
        self.asked: Counter[bytes] = Counter()

    def _query(self, images: Tensor) -> Tensor:
        self.asked.update(image.numpy().tobytes() for image in images)
        share = (images[:, :1] + self.shift).clamp(0.05, 0.95)
        return torch.cat([1 - share, share], dim=1)


def planned(**changes: Any) -> Plan:
    content = {
        "seed": 1,
        "records": {"reader": "phantom", "count": 60},
        "split": {"target_members": 20, "target_nonmembers": 20, "population": 8},
        "target": {"recipe": {"network": "tiny", "epochs": 1}, "access": "probability"},
        "attacker": {"shadow": None, "signals": ["cross-entropy", "dice-loss"]},
        "references": {"models": 2},
        "canaries": {"count": 10},
    }
    squares = bright_squares(60, (16, 16))
    return build(parse_request(content | changes), lambda source: squares)


def prepared(plan: Plan, folder: Path) -> PreparedRecords:
    used = set(plan.ids(*plan.split.roles))
    return prepare(plan.records.select([k for k in plan.records.ids if k in used]), folder)


class World:
    """Models that count, and what was measured of them."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.plan, self.store = plan, Store(folder / "store")
        self.records = prepared(plan, folder / "records")
        names = () if plan.references is None else plan.references.membership.models
        self.targets = {
            name: Counting(plan, 0.1 * i) for i, name in enumerate(("target", "untrained", *names))
        }
        self.models = Models(
            self.model("target"),
            None,
            self.model("untrained"),
            "",
            tuple(self.reference(name) for name in names),
        )

    def model(self, name: str) -> Model:
        return Model(self.targets[name], {"name": name}, ModelInfo(name=name, description=""))

    def reference(self, name: str) -> Reference:
        info = ModelInfo(name=name, description="")
        return Reference(lambda: self.targets[name], {"name": name}, info)

    def measure(self) -> Measured:
        chosen = choose(self.plan)
        return measure_all(
            self.plan, chosen, self.models, self.records, self.store, Silent(), Clock()
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Measured]:
    made = World(tmp_path_factory.mktemp("world"), planned())
    return made, made.measure()


def test_each_model_is_asked_once_about_each_record(world: tuple[World, Measured]) -> None:
    made, _ = world
    plan = made.plan
    wanted = {*plan.audited, *plan.outer, *plan.ids(Role.CANARIES)}
    assert plan.outer
    for target in made.targets.values():
        assert set(target.asked.values()) == {1}
        assert len(target.asked) == len(wanted)


def test_what_is_in_the_store_is_not_asked_for_again(world: tuple[World, Measured]) -> None:
    made, first = world
    before = {name: target.asked.total() for name, target in made.targets.items()}
    again = made.measure()
    assert {name: target.asked.total() for name, target in made.targets.items()} == before
    assert (again.target.values == first.target.values).all()
    assert again.asked["target"].seconds == first.asked["target"].seconds


def test_each_part_is_about_its_records_and_no_others(world: tuple[World, Measured]) -> None:
    made, measured = world
    plan = made.plan
    ids = {
        PartName.AUDITED: plan.audited,
        PartName.OUTER: plan.outer,
        PartName.CANARIES: plan.ids(Role.CANARIES),
    }
    assert set(measured.parts) == set(ids)
    assert measured[PartName.BYSTANDERS] == measured[PartName.RESERVE] == MeasuredPart()
    for name, wanted in ids.items():
        part = measured[name]
        assert part.target is not None
        assert part.untrained is not None
        assert part.reference is not None
        assert part.target.ids == part.untrained.ids == part.reference.ids == tuple(wanted)
        # The models are not the same, and neither are their signals.
        assert not np.array_equal(part.target.values, part.untrained.values)
    assert measured.target is measured[PartName.AUDITED].target


def test_membership_of_the_pool_is_by_id(world: tuple[World, Measured]) -> None:
    made, measured = world
    assert made.plan.references is not None
    drawn = made.plan.references.membership
    table = measured[PartName.AUDITED].reference
    assert table is not None
    for i in range(len(drawn.models)):
        held = {key for key, inside in zip(table.ids, table.member[i], strict=True) if inside}
        assert held == set(drawn.of(i))
    canaries = measured[PartName.CANARIES].reference
    assert canaries is not None
    assert not canaries.member.any()


def test_utility_is_measured_beside_the_signals_and_hidden(world: tuple[World, Measured]) -> None:
    _, measured = world
    assert set(measured.target.names) == {"cross-entropy", "dice-loss"} | {
        name for name in measured.target.names if not name.startswith("confusion")
    }
    beside = set(measured.asked["target"].table.names) - set(measured.target.names)
    assert beside
    assert all(name.startswith("confusion-") for name in beside)


def test_a_pass_is_read_back_as_it_was_written(
    world: tuple[World, Measured], tmp_path: Path
) -> None:
    left = world[1].asked["target"]
    write_pass(tmp_path, left)
    found = read_pass(tmp_path)
    assert found.seconds == left.seconds
    assert found.table.ids == left.table.ids
    assert found.table.infos == left.table.infos
    assert (found.table.measured == left.table.measured).all()
    assert np.array_equal(found.table.values, left.table.values, equal_nan=True)
