from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.studies.summary.attack_columns import published_column, summarise_attacks
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.study_folder import CellAttack


@pytest.mark.parametrize(
    ("attack", "signal", "column"),
    [
        ("threshold", "type-i-network", "Type-I"),
        ("threshold", "type-ii-logistic", "Type-II"),
        ("threshold", "cross-entropy", "global loss"),
        ("threshold", "l1-error", "global loss"),
        ("membership-error", "l1-error", "membership error"),
        ("lira-online", "type-i-network", ""),
        ("threshold", "entropy", ""),
    ],
)
def test_attacks_belong_to_the_published_columns(attack: str, signal: str, column: str) -> None:
    row = CellAttack(levels={}, cell="c", attack=attack, signal=signal, title="t", numbers={})
    assert published_column(row) == column


def test_counts_are_summed_and_missing_ones_are_not_zero(tmp_path: Path) -> None:
    made = MadeStudy()
    counts = {"tn": 5, "fp": 6, "fn": 7}
    made.cell({"defence": "none", "seed": "0"}, {"Global loss": 0.7}, tp=3, **counts)
    made.cell({"defence": "none", "seed": "1"}, {"Global loss": 0.7}, tp=4, **counts)
    made.cell({"defence": "argmax", "seed": "0"}, {"Global loss": 0.7}, tp=3, **counts)
    made.cell({"defence": "argmax", "seed": "1"}, {"Global loss": 0.7}, **counts)
    found = summarise_attacks(find_conditions(made.read(tmp_path)))
    counted = {one.condition.defence: one.counts for one in found if one.column == "global loss"}
    assert counted == {"none": (10, 12, 14, 7), "argmax": None}
