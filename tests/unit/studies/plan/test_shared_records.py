"""Records that the cells of a study share."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixleak.core.errors import InputError
from pixleak.studies.plan.grid import build_grid
from pixleak.studies.plan.shared_records import OpenSources, plan_cells
from pixleak.studies.plan.study_config import StudyConfig
from prepared_studies import SMALL, prepared_cells


def test_records_of_one_source_are_opened_and_prepared_once(tmp_path: Path) -> None:
    cells = prepared_cells({"defence": ["none", "argmax"], "seed": [0, 1]}, tmp_path)
    assert len({id(one.records) for one in cells}) == 1
    assert len(list(tmp_path.iterdir())) == 1
    # What a worker process opens are the copies, with every record where it was.
    (held,) = cells[0].sources.sets.values()
    source = cells[0].cell.config.source
    assert source is not None
    original = source.open()
    assert held.ids == original.ids
    used = {key for one in cells for role in one.plan.split.roles.values() for key in role}
    for i, key in enumerate(original.ids):
        if key in used:
            assert held[i].image.equal(original[i].image)


def test_altered_records_are_prepared_apart(tmp_path: Path) -> None:
    poisons = ["none", {"name": "line", "options": {"share": 0.2}}]
    more = SMALL | {"records": SMALL["records"] | {"count": 96}}
    cells = prepared_cells({"poison": poisons, "seed": [0]}, tmp_path, more)
    clean, poisoned = cells
    assert clean.records.folder != poisoned.records.folder
    copies = [key for key in poisoned.records.ids if key not in clean.records.ids]
    assert len(copies) == len(poisoned.plan.ids("poisoned")) > 0
    shared = [key for key in clean.records.ids if key in poisoned.records.ids]
    same = (clean.records.select(shared).digest, poisoned.records.select(shared).digest)
    assert same[0] == same[1]


def test_cells_that_alter_records_alike_share_their_preparation(tmp_path: Path) -> None:
    poisons = [{"name": "line", "options": {"share": 0.2}}]
    more = SMALL | {"records": SMALL["records"] | {"count": 96}}
    axes = {"poison": poisons, "defence": ["none", "argmax"], "seed": [0, 1]}
    cells = prepared_cells(axes, tmp_path, more)
    by_seed = {(one.cell.levels["seed"], one.records.digest) for one in cells}
    assert len({id(one.records) for one in cells}) == len(by_seed) == 2


def test_members_given_apart_are_prepared_once(tmp_path: Path) -> None:
    phantom = SMALL["records"]
    apart = {name: value for name, value in SMALL.items() if name != "records"}
    apart |= {"members": phantom, "nonmembers": phantom | {"seed": 9}}
    apart["attacker"] = {"shadow": None}
    cells = prepared_cells({"defence": ["none", "argmax"]}, tmp_path, apart)
    assert cells[0].records is cells[1].records
    assert len(cells[0].records) == 120


def test_a_source_is_opened_once() -> None:
    grid = build_grid(StudyConfig(base=SMALL, axes={"seed": [0, 1]}))
    sources = OpenSources()
    first, second = plan_cells(grid.cells, sources)
    assert first.records is second.records
    assert len(sources.sets) == 1


def test_a_plan_that_cannot_be_made_names_its_cell() -> None:
    grid = build_grid(StudyConfig(base=SMALL, axes={"training-size": [9]}))
    with pytest.raises(InputError, match="cell 'training size 9': there are 9 target members"):
        plan_cells(grid.cells, OpenSources())
