"""Trainings that the cells of a study share."""

from __future__ import annotations

from pathlib import Path

from pixleak.pipeline.storage.store import Store
from pixleak.studies.plan.trainings import distinct_trainings
from prepared_studies import prepared_cells


def test_trainings_are_shared_by_content(tmp_path: Path) -> None:
    cells = prepared_cells(
        {"defence": ["none", "argmax", "cut-mix"], "attacker": ["adaptive", "naive"], "seed": [0]},
        tmp_path / "records",
    )
    trainings = distinct_trainings(cells, Store(tmp_path / "store"))
    # Bare and cut-mixed, a target and a shadow each; naive shadows are the bare ones.
    assert len(trainings) == 4
    by_defence = {(t.roles[0], bool(t.job.defences)): len(t.cells) for t in trainings}
    assert by_defence == {
        ("target", False): 4,
        ("target", True): 2,
        ("shadow", False): 5,
        ("shadow", True): 1,
    }


def test_kinds_differ_by_recipe_and_defence_only(tmp_path: Path) -> None:
    cells = prepared_cells({"seed": [0, 1], "defence": ["none", "cut-mix"]}, tmp_path / "records")
    trainings = distinct_trainings(cells, Store(tmp_path / "store"))
    assert len(trainings) == 8
    assert len({training.kind for training in trainings}) == 2
