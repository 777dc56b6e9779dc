"""What is still to be done, and how long that takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pixleak.core.errors import InputError
from pixleak.core.progress import Silent
from pixleak.pipeline.storage.store import Store
from pixleak.studies.plan.cells import grid_of
from pixleak.studies.plan.config import StudyConfig
from pixleak.studies.plan.planning import Calibrated, Estimate, calibrated, plan_of
from pixleak.studies.plan.sharing import Opened, Ready, planned, prepared
from pixleak.studies.plan.trainings import Training, trainings_of
from pixleak.studies.run.run import plan_study
from pixleak.training.jobs import TrainedModel

BASE: dict[str, Any] = {
    "records": {"reader": "phantom", "count": 60, "size": 16},
    "target": {"recipe": {"network": "tiny", "epochs": 2}},
    "attacker": {"learned": ["type-i-logistic"]},
}


def _ready(axes: dict[str, Any], folder: Path, base: dict[str, Any] | None = None) -> list[Ready]:
    grid = grid_of(StudyConfig(base=base or BASE, axes=axes))
    opening = Opened()
    plans = planned(grid.cells, opening)
    return prepared(grid.cells, plans, opening, folder, Silent())


def test_records_of_one_source_are_opened_and_prepared_once(tmp_path: Path) -> None:
    ready = _ready({"defence": ["none", "argmax"], "seed": [0, 1]}, tmp_path)
    assert len({id(one.records) for one in ready}) == 1
    assert len(list(tmp_path.iterdir())) == 1
    # What a worker process opens are the copies, with every record where it was.
    (held,) = ready[0].opening.sets.values()
    source = ready[0].cell.config.records
    assert source is not None
    original = source.open()
    assert held.ids == original.ids
    used = {key for one in ready for role in one.plan.split.roles.values() for key in role}
    for i, key in enumerate(original.ids):
        if key in used:
            assert held[i].image.equal(original[i].image)


def test_altered_records_are_prepared_apart(tmp_path: Path) -> None:
    poisons = ["none", {"name": "line", "options": {"share": 0.2}}]
    more = BASE | {"records": BASE["records"] | {"count": 96}}
    ready = _ready({"poison": poisons, "seed": [0]}, tmp_path, more)
    clean, poisoned = ready
    assert clean.records.folder != poisoned.records.folder
    copies = [key for key in poisoned.records.ids if key not in clean.records.ids]
    assert len(copies) == len(poisoned.plan.ids("poisoned")) > 0
    shared = [key for key in clean.records.ids if key in poisoned.records.ids]
    same = (clean.records.select(shared).digest, poisoned.records.select(shared).digest)
    assert same[0] == same[1]


def test_trainings_are_shared_by_content(tmp_path: Path) -> None:
    ready = _ready(
        {"defence": ["none", "argmax", "cut-mix"], "attacker": ["adaptive", "naive"], "seed": [0]},
        tmp_path / "records",
    )
    trainings = trainings_of(ready, Store(tmp_path / "store"))
    # Bare and cut-mixed, a target and a shadow each; naive shadows are the bare ones.
    assert len(trainings) == 4
    by_defence = {(t.roles[0], bool(t.job.defences)): len(t.cells) for t in trainings}
    assert by_defence == {
        ("target", False): 4,
        ("target", True): 2,
        ("shadow", False): 5,
        ("shadow", True): 1,
    }


def test_time_is_told_from_finished_trainings_of_the_same_kind(tmp_path: Path) -> None:
    ready = _ready({"seed": [0, 1], "training-size": [12, 15]}, tmp_path / "records", BASE)
    trainings = trainings_of(ready, Store(tmp_path / "store"))
    plan = plan_of(ready, trainings, tmp_path, workers=2)
    assert len(trainings) == len(plan.to_train) == 8
    assert plan.seconds(Calibrated({})) == Estimate(training=0.0, untold=8, cells=None)
    # One of 12 records took 24 seconds: 2 seconds a record.
    first = next(t for t in trainings if t.records == 12)
    known = {first.job.name: (first, TrainedModel("x", first.job.path, (1.0,), 24.0))}
    told = type(plan)(plan.cells, {}, plan.trainings, known, 2).seconds(Calibrated({}))
    assert told.untold == 0
    assert told.training == pytest.approx((3 * 12 + 4 * 15) * 2 / 2)
    # Never less than the longest of them.
    many = type(plan)(plan.cells, {}, plan.trainings, known, 100).seconds(Calibrated({}))
    assert many.training == pytest.approx(30)
    # What was never finished is calibrated.
    kind = first.kind
    assert plan.seconds(Calibrated({kind: 0.5})).training == pytest.approx(
        (4 * 12 + 4 * 15) * 0.5 / 2
    )


def test_trials_tell_how_long_a_training_takes_and_which_will_fail(tmp_path: Path) -> None:
    rates = {"usual": {}, "wild": {"target": {"recipe": {"lr": 1e30, "loss": "ce"}}}}
    ready = _ready({"rate": rates, "seed": [0]}, tmp_path / "records")
    plan = plan_of(ready, trainings_of(ready, Store(tmp_path / "store")), tmp_path, workers=1)
    found = calibrated(plan)
    assert len(found.rates) == 1
    assert 0 < next(iter(found.rates.values())) < 1
    assert len(found.errors) == 1
    assert "training diverged" in found.errors[0]
    told = plan.seconds(found)
    assert (told.untold, told.errors) == (2, found.errors)
    assert not list((tmp_path / "store").rglob("weights*"))


def test_an_estimate_says_what_it_does_not_know() -> None:
    assert str(Estimate(90, 0, None)) == (
        "trainings about 2 min, the audits besides (known once one is finished)"
    )
    assert str(Estimate(0, 3, 5)) == ("3 trainings of which nothing is known yet, audits about 5 s")


def test_a_study_that_another_run_holds_is_left_alone(tmp_path: Path) -> None:
    from pixleak.pipeline.storage.store import alone

    config = StudyConfig(base=BASE, axes={"seed": [0]})
    (tmp_path / "out").mkdir()
    with alone(tmp_path / "out"), pytest.raises(InputError, match="another run is using"):
        plan_study(config, tmp_path / "out")


def test_kinds_differ_by_recipe_and_defence_only(tmp_path: Path) -> None:
    ready = _ready({"seed": [0, 1], "defence": ["none", "cut-mix"]}, tmp_path / "records")
    trainings: list[Training] = trainings_of(ready, Store(tmp_path / "store"))
    assert len(trainings) == 8
    assert len({training.kind for training in trainings}) == 2
