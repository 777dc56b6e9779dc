from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.studies.summary.conditions import conditions
from pixleak.studies.summary.gain import gain_csv, gain_table, gains


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
    (one,) = gains(conditions(made.read(tmp_path)))
    assert one.default is not None
    assert one.default.seeds == 3
    # 0.1, 0.12, 0.08: mean 0.1, standard deviation 0.02.
    assert one.default.value == pytest.approx(0.1)
    assert one.default.low == pytest.approx(0.1 - 4.302653 * 0.02 / 3**0.5)
    assert one.cost is not None
    assert one.cost.value == pytest.approx(0.01)
    assert one.visibility == pytest.approx(0.004)
    assert one.backdoor is not None
    assert one.backdoor.value == pytest.approx(0.9)
    assert one.rate is None
    table = gain_table([one], ("poison",))
    row = dict(zip(table.head, table.rows[0], strict=True))
    assert row["Poison"].text == "lsb-blend"
    assert (row["AUC gained, default attack"].text, row["Visibility"].text) == ("0.100", "0.0040")
    assert row["TPR at 1\N{NO-BREAK SPACE}% gained"].text == "–"
    assert gain_csv([one]).splitlines()[1].startswith("lsb-blend,none,0.1,0.050317,")


def test_only_the_same_other_levels_are_compared(tmp_path: Path) -> None:
    made = MadeStudy()
    made.cell({"poison": "none", "defence": "none"}, {"Global loss": 0.6})
    made.cell({"poison": "tint", "defence": "none"}, {"Global loss": 0.7})
    made.cell({"poison": "tint", "defence": "argmax"}, {"Global loss": 0.9})
    found = gains(conditions(made.read(tmp_path)))
    assert [one.poisoned.defence for one in found] == ["none"]
