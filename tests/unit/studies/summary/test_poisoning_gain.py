from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.studies.output.poisoning_table import poisoning_table
from pixleak.studies.output.text_tables import as_csv
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.poisoning_gain import poisoning_gains


def test_poisoned_cells_are_held_against_the_clean_one(tmp_path: Path) -> None:
    made = MadeStudy(half=0.01)
    made.seeds({"poison": "none"}, {"Global loss": [0.6, 0.7, 0.8]}, [0.8, 0.7, 0.6])
    made.seeds(
        {"poison": "lsb-blend"},
        {"Global loss": [0.7, 0.82, 0.88]},
        [0.79, 0.69, 0.59],
        poison_visibility=0.004,
        backdoor_rate=(0.9, 0.8, 0.95),
    )
    (one,) = poisoning_gains(find_conditions(made.read(tmp_path)))
    assert one.default_auc_gained is not None
    assert one.default_auc_gained.seeds == 3
    # 0.1, 0.12, 0.08: mean 0.1, standard deviation 0.02.
    assert one.default_auc_gained.value == pytest.approx(0.1)
    assert one.default_auc_gained.ends is not None
    assert one.default_auc_gained.ends[0] == pytest.approx(0.1 - 4.302653 * 0.02 / 3**0.5)
    assert one.utility_lost is not None
    assert one.utility_lost.value == pytest.approx(0.01)
    assert one.visibility == pytest.approx(0.004)
    assert one.backdoor_rate is not None
    assert one.backdoor_rate.value == pytest.approx(0.9)
    assert one.strongest_tpr1_gained is None
    table = poisoning_table([one], ("poison",))
    row = dict(zip(table.head, table.rows[0], strict=True))
    assert row["Poison"].text == "lsb-blend"
    assert (row["AUC gained, default attack"].text, row["Visibility"].text) == ("0.100", "0.0040")
    assert row["TPR at 1\N{NO-BREAK SPACE}% gained"].text == "–"
    assert as_csv(table.lines).splitlines()[1].startswith("lsb-blend,none,0.1,0.050317,")


def test_only_the_same_other_levels_are_compared(tmp_path: Path) -> None:
    made = MadeStudy()
    made.cell({"poison": "none", "defence": "none"}, {"Global loss": 0.6})
    made.cell({"poison": "tint", "defence": "none"}, {"Global loss": 0.7})
    made.cell({"poison": "tint", "defence": "argmax"}, {"Global loss": 0.9})
    found = poisoning_gains(find_conditions(made.read(tmp_path)))
    assert [one.poisoned.defence for one in found] == ["none"]
