"""What is still to be done, and how long that takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pixleak.pipeline.storage.store import Store
from pixleak.studies.plan.study_plan import TimeEstimate, look_for_finished
from pixleak.studies.plan.training_trials import TrialTimes
from pixleak.studies.plan.trainings import distinct_trainings
from pixleak.training.jobs import TrainedModel
from prepared_studies import SMALL, prepared_cells


def test_time_is_told_from_finished_trainings_of_the_same_kind(tmp_path: Path) -> None:
    cells = prepared_cells({"seed": [0, 1], "training-size": [12, 15]}, tmp_path / "records", SMALL)
    trainings = distinct_trainings(cells, Store(tmp_path / "store"))
    plan = look_for_finished(cells, trainings, tmp_path, workers=2)
    assert len(trainings) == len(plan.to_train) == 8
    assert plan.time_left() == TimeEstimate(training=0.0, unknown=8, cells=None)
    # One of 12 records took 24 seconds: 2 seconds a record.
    first = next(t for t in trainings if t.records == 12)
    known = {first.job.name: TrainedModel("x", first.job.path, (1.0,), 24.0)}
    told = replace(plan, models=known).time_left()
    assert told.unknown == 0
    assert told.training == pytest.approx((3 * 12 + 4 * 15) * 2 / 2)
    # Never less than the longest of them.
    many = replace(plan, models=known, workers=100).time_left()
    assert many.training == pytest.approx(30)
    # Kinds of which none is finished take the time of their trials.
    kind = first.kind
    assert plan.time_left(TrialTimes({kind: 0.5})).training == pytest.approx(
        (4 * 12 + 4 * 15) * 0.5 / 2
    )


def test_an_estimate_says_what_it_does_not_know() -> None:
    assert str(TimeEstimate(90, 0, None)) == (
        "trainings about 1 min 30 s, and the audits (known once one is finished)"
    )
    assert str(TimeEstimate(0, 3, 50)) == "3 trainings of unknown duration, audits about 50 s"
