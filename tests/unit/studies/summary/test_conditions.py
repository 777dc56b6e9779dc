from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.core.errors import InputError
from pixleak.studies.run.parquet import schema_of
from pixleak.studies.summary.conditions import by_setting, find_conditions
from pixleak.studies.summary.frontier import MEASURES
from pixleak.studies.summary.seed_estimates import Estimate
from pixleak.studies.summary.study_folder import CellAttack, read_study_folder


def test_cells_that_differ_in_their_seed_are_one_condition(tmp_path: Path) -> None:
    made = MadeStudy()
    for defence in ("none", "argmax"):
        made.seeds({"defence": defence}, {"Global loss": [0.7, 0.8]}, [0.8, 0.8])
    found = find_conditions(made.read(tmp_path))
    assert [(one.defence, list(one.cells)) for one in found] == [
        ("none", ["0", "1"]),
        ("argmax", ["0", "1"]),
    ]
    assert [one.undefended for one in found] == [True, False]


def test_the_strongest_attack_is_chosen_on_the_other_seeds(tmp_path: Path) -> None:
    made = MadeStudy()
    attacks = {"Global loss": [0.9, 0.6, 0.6], "Type-I": [0.7, 0.7, 0.7]}
    made.seeds({"defence": "none"}, attacks, [0.8, 0.8, 0.8])
    (one,) = find_conditions(made.read(tmp_path))
    found = one.strongest()
    assert not found.same_figures
    # Seed 0: 0.6 against 0.7 elsewhere, so Type-I's 0.7. Seeds 1 and 2: 0.75 against 0.7, so the
    # global loss' 0.6. The largest figure of all, 0.9, is never read off.
    assert {s: m.value for s, m in found.per_seed.items()} == {"0": 0.7, "1": 0.6, "2": 0.6}
    assert found.titles == ("Type-I", "Global loss")


def test_with_one_seed_the_strongest_is_chosen_in_same_figures(tmp_path: Path) -> None:
    made = MadeStudy().cell({"defence": "none"}, {"Global loss": 0.7, "LiRA": 0.8})
    (one,) = find_conditions(made.read(tmp_path))
    found = one.strongest()
    assert found.same_figures
    assert found.estimate == Estimate(0.8, pytest.approx((0.77, 0.83)))
    default = one.default()
    assert default.estimate == Estimate(0.7, pytest.approx((0.67, 0.73)))
    assert not default.same_figures


def test_means_over_the_pool_are_preferred(tmp_path: Path) -> None:
    made = MadeStudy().cell(
        {"defence": "none"},
        {"Global loss": 0.7, "LiRA": 0.9},
        loo_auc={"Global loss": (0.75, 0.74, 0.76)},
    )
    (one,) = find_conditions(made.read(tmp_path))
    default = one.default()
    assert default.estimate == Estimate(0.75, (0.74, 0.76), pooled=True)


def test_a_rate_that_cannot_be_resolved_is_not_measured(tmp_path: Path) -> None:
    made = MadeStudy().cell(
        {"defence": "none"}, {"Global loss": 0.7}, tpr1=(0.0, 0.0, 0.2), tpr1_resolvable=False
    )
    (one,) = find_conditions(made.read(tmp_path))
    assert one.default("tpr1").estimate is None
    assert one.strongest("tpr1").estimate is None


def test_inconclusive_cells_can_be_left_out(tmp_path: Path) -> None:
    made = MadeStudy()
    made.cell({"defence": "none", "seed": "0"}, {"Global loss": 0.7}, verdict="leak")
    made.cell({"defence": "none", "seed": "1"}, {"Global loss": 0.9}, verdict="cannot-tell")
    made.cell({"defence": "argmax", "seed": "0"}, {"Global loss": 0.6}, verdict="cannot-tell")
    none, argmax = find_conditions(made.read(tmp_path))
    assert none.inconclusive == ("1",)
    assert argmax.conclusive_part() is None
    left = none.conclusive_part()
    assert left is not None
    assert list(left.cells) == ["0"]


def test_settings_gather_what_differs_in_its_defence(tmp_path: Path) -> None:
    made = MadeStudy()
    for size in ("100", "200"):
        for defence in ("none", "argmax"):
            levels = {"training-size": size, "defence": defence}
            made.cell(levels, {"Global loss": 0.7})
    groups = by_setting(find_conditions(made.read(tmp_path)))
    assert [[(c.levels["training-size"], c.defence) for c in group] for group in groups] == [
        [("100", "none"), ("100", "argmax")],
        [("200", "none"), ("200", "argmax")],
    ]


def test_levels_keep_the_order_of_the_study(tmp_path: Path) -> None:
    made = MadeStudy()
    for defence in ("zebra", "none", "argmax"):
        made.cell({"defence": defence}, {"Global loss": 0.7})
    study = made.read(tmp_path)
    assert study.axes["defence"] == ("zebra", "none", "argmax")
    assert [one.defence for one in find_conditions(study)] == ["zebra", "none", "argmax"]


def test_rows_are_read_from_columns_that_studies_write() -> None:
    columns = set(schema_of(["seed"]).names)
    assert {one.name for one in fields(CellAttack)} - {"levels", "numbers"} <= columns
    assert {one.column for one in MEASURES.values()} <= columns


def test_what_is_no_study_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no study\.json"):
        read_study_folder(tmp_path)
    folder = MadeStudy().cell({"defence": "none"}, {"Global loss": 0.7}).write(tmp_path / "a")
    (folder / "study.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="cannot be read"):
        read_study_folder(folder)
    (folder / "study.parquet").unlink()
    with pytest.raises(InputError, match=r"holds no study\.parquet"):
        read_study_folder(folder)
