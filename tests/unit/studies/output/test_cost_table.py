from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.studies.output.cost_table import cost_table
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.frontier import Candidate, find_candidates, utility_measures


@pytest.fixture
def found(tmp_path: Path) -> list[Candidate]:
    made = MadeStudy(half=0.01)
    for seed, slower in (("0", 1.0), ("1", 2.0), ("2", 1.0)):
        for defence, times, epsilon in (("none", 1.0, None), ("dp-sgd-8", 4.0, 8.0)):
            made.cell(
                {"defence": defence, "seed": seed},
                {"LiRA": 0.9 if defence == "none" else 0.52, "Global loss": 0.5},
                0.8 if defence == "none" else 0.7,
                training_seconds=100 * slower * times,
                inference_seconds=0.01,
                epsilon=epsilon,
                delta=None if epsilon is None else 0.001,
                extra_records=0 if epsilon is None else 300,
            )
    group = find_conditions(made.read(tmp_path))
    return find_candidates(group, utility_measures(group)[0])


def test_a_row_holds_attack_utility_and_costs(found: list[Candidate]) -> None:
    table = cost_table(found, "costs", "What it costs")
    by_title = dict(zip(table.head, table.rows[1], strict=True))
    assert by_title["Defence"].text == "dp-sgd-8"
    assert by_title["Defence"].fine == ("on the frontier",)
    assert by_title["Strongest attack, AUC"].text == "0.520"
    assert by_title["Default attack, AUC"].text == "0.500"
    # 0.1 with sqrt(2) * 0.01 / sqrt(3) = 0.008 to each side.
    assert (by_title["Dice lost"].text, by_title["Dice lost"].range) == ("0.100", "0.092–0.108")
    # By seed: 400/100, 800/200, 400/100.
    assert by_title["Training time"].text == "× 4.00"
    assert by_title["Inference time"].text == "× 1.00"
    assert by_title["Extra records"].text == "300"
    assert (by_title["ε"].text, by_title["ε"].fine) == ("8", ("δ = 0.001",))
    undefended = dict(zip(table.head, table.rows[0], strict=True))
    assert undefended["Dice lost"].text == "0"
    assert undefended["ε"].text == "no bound"


def test_empty_columns_are_left_out(tmp_path: Path) -> None:
    made = MadeStudy()
    for defence in ("a", "b"):
        made.cell({"defence": defence}, {"LiRA": 0.7}, 0.8)
    group = find_conditions(made.read(tmp_path))
    table = cost_table(find_candidates(group, utility_measures(group)[0]), "costs", "What it costs")
    assert "ε" not in table.head
    assert not any(title.startswith("TPR") for title in table.head)
    assert any("too few non-members" in note for note in table.notes)
    assert "Extra records" not in table.head
    # Without an undefended model there is nothing to compare with.
    assert dict(zip(table.head, table.rows[0], strict=True))["Dice lost"].text == "–"


def test_the_lines_hold_the_same_as_numbers(found: list[Candidate]) -> None:
    none, private = cost_table(found, "costs", "What it costs").lines
    assert (none["lost"], none["training_ratio"], none["epsilon"]) == ("", 1.0, None)
    assert (private["lost"], private["training_ratio"], private["epsilon"]) == (0.1, 4.0, 8.0)
    assert private["status"] == "frontier"
