from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.studies.output.attack_table import attack_lines, attack_table
from pixleak.studies.summary.conditions import find_conditions


def three_seeds(tmp_path: Path) -> MadeStudy:
    attacks = {
        "Type-I": [0.6, 0.7, 0.8],
        "Global loss": [0.7, 0.7, 0.7],
        "LiRA": [0.9, 0.9, 0.9],
    }
    return MadeStudy(half=0.02).seeds(
        {"defence": "none"},
        attacks,
        [0.8, 0.8, 0.8],
        accuracy={"Type-I": (0.65, 0.6, 0.7)},
        tn={"Type-I": 150},
        fp={"Type-I": 50},
        fn={"Type-I": 60},
        tp={"Type-I": 140},
    )


def test_cells_hold_what_was_measured_over_the_seeds(tmp_path: Path) -> None:
    study = three_seeds(tmp_path).read(tmp_path)
    table = attack_table(study, find_conditions(study))
    assert table.head == ("Defence", "Type-I", "global loss", "default", "strongest")
    ((name, type_i, _, default, strongest),) = table.rows
    assert name.text == "none"
    # Mean 0.7, and t(2) * 0.1 / sqrt(3) = 0.248 to each side.
    assert (type_i.text, type_i.range) == ("0.700", "0.452–0.948")
    # Three times the same figure: 0.05 / sqrt(3) = 0.029 to each side.
    assert "accuracy 0.650 (0.621–0.679)" in type_i.fine
    assert "450/150/180/420" in type_i.fine
    assert default.text == "0.700"
    assert "Global loss" in default.fine
    assert strongest.text == "0.900"
    assert "LiRA" in strongest.fine


def test_the_lines_hold_the_same_as_numbers(tmp_path: Path) -> None:
    study = three_seeds(tmp_path).read(tmp_path)
    lines = attack_lines(study, find_conditions(study))
    assert [line["attack"] for line in lines] == ["Type-I", "global loss", "default", "strongest"]
    first = lines[0]
    assert (first["defence"], first["auc"], first["auc_seeds"]) == ("none", 0.7, 3)
    assert first["auc_low"] == pytest.approx(0.451586, abs=1e-6)
    assert [first[name] for name in ("tn", "fp", "fn", "tp")] == [450, 150, 180, 420]
    assert lines[3]["accuracy"] == ""
    assert lines[3]["tn"] == ""


def test_networks_stand_before_regressions_for_all_seeds(tmp_path: Path) -> None:
    made = MadeStudy().cell({"defence": "none"}, {"Type-I": 0.6, "Type-II": 0.9})
    other = dict(made.rows[0])
    made.rows.insert(0, other | {"signal": "type-i-logistic", "auc": 0.8, "title": "Logistic"})
    study = made.read(tmp_path)
    table = attack_table(study, find_conditions(study))
    assert table.rows[0][table.head.index("Type-I")].text == "0.600"


def test_rows_are_named_by_all_axes_that_vary(tmp_path: Path) -> None:
    made = MadeStudy()
    for victim in ("unet", "tiny"):
        for shadow in ("unet", "tiny"):
            levels = {"victim": victim, "shadow": shadow, "defence": "none"}
            made.cell(levels, {"Global loss": 0.7}, verdict="cannot-tell")
    study = made.read(tmp_path)
    table = attack_table(study, find_conditions(study))
    assert table.head[:2] == ("Victim", "Shadow")
    assert [(row[0].text, row[1].text) for row in table.rows][1] == ("unet †", "tiny")
    assert any(note.startswith("†") for note in table.notes)
