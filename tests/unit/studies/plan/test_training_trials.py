"""Short trials of trainings."""

from __future__ import annotations

from pathlib import Path

from pixleak.core.errors import setting
from pixleak.pipeline.storage.store import Store
from pixleak.studies.plan.study_plan import look_for_finished
from pixleak.studies.plan.training_trials import error_sentence, time_trainings
from pixleak.studies.plan.trainings import distinct_trainings
from prepared_studies import prepared_cells


def test_trials_tell_how_long_a_training_takes_and_which_will_fail(tmp_path: Path) -> None:
    rates = {"usual": {}, "wild": {"target": {"recipe": {"lr": 1e30, "loss": "ce"}}}}
    cells = prepared_cells({"rate": rates, "seed": [0]}, tmp_path / "records")
    plan = look_for_finished(
        cells, distinct_trainings(cells, Store(tmp_path / "store")), tmp_path, workers=0
    )
    found = time_trainings(plan.untimed, plan.workers)
    assert len(found.per_record) == 1
    assert 0 < next(iter(found.per_record.values())) < 1
    assert len(found.errors) == 1
    assert "training diverged" in found.errors[0]
    told = plan.time_left(found)
    assert (told.unknown, told.errors) == (2, found.errors)
    assert not list((tmp_path / "store").rglob("weights*"))


def test_an_error_is_one_sentence() -> None:
    assert error_sentence({"kind": "InputError", "error": "lower lr\nmore"}) == "lower lr"
    traceback = "Traceback:\n  line\nValueError: odd\n"
    assert error_sentence({"kind": "", "error": traceback}) == "unforeseen: ValueError: odd"


def test_a_setting_in_an_error_is_written_as_its_key() -> None:
    error = f"too few: raise {setting('split.reserve')}\nand more"
    assert error_sentence({"kind": "InputError", "error": error}) == (
        "too few: raise split.reserve"
    )
