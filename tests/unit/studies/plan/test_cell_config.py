"""The configuration of one cell."""

from __future__ import annotations

from typing import Any

import pytest

from pixleak.studies.plan.axes import Level
from pixleak.studies.plan.cell_config import CellConfig, combine

BASE: dict[str, Any] = {
    "records": {"reader": "phantom"},
    "target": {"recipe": {"network": "tiny"}},
    "split": {"reserve": 30, "target_members": 40},
}


def parsed(**changes: Any) -> CellConfig:
    return CellConfig.parse(BASE | changes, "here")


def defended(*defences: Any) -> CellConfig:
    return parsed(target=BASE["target"] | {"defences": list(defences)})


@pytest.mark.parametrize(
    ("defences", "count"), [([], 0), (["argmax"], 0), (["argmax", "min-max"], 30)]
)
def test_a_reserve_is_a_cost_of_defences_that_need_it(defences: list[str], count: int) -> None:
    assert defended(*defences).columns["extra_records"] == count


def test_the_strength_is_the_only_option_of_the_only_defence() -> None:
    rounding = {"name": "rounding", "options": {"decimals": 1}}
    assert defended(rounding).columns["strength"] == 1.0
    assert defended(rounding, "argmax").columns["strength"] is None
    assert defended("argmax").columns["strength"] is None


def test_later_settings_win() -> None:
    levels = {
        "seed": Level("3", 3, {"run": {"batch_size": 4}}),
        "own": Level(
            "long",
            {"seed": 1, "run": {"batch_size": 2}, "target": {"recipe": {"epochs": 9}}},
        ),
        "shadow": Level("wide", {"network": "unet"}),
    }
    content = combine(BASE, levels)
    assert (content["seed"], content["run"]) == (3, {"batch_size": 4, "exhibits": 0})
    assert content["attacker"] == {"shadow": {"recipe": {"network": "unet", "epochs": 9}}}
    # The base is shared by all cells and must not change.
    assert BASE["target"] == {"recipe": {"network": "tiny"}}


def test_settings_without_effect_are_not_part_of_the_address() -> None:
    assert parsed().address == parsed(title="Other", run={"workers": 3, "runner": "ray"}).address
    assert parsed().address == parsed(run={"batch_size": 16}).address
    assert parsed().address != parsed(run={"batch_size": 8}).address


def test_cells_with_the_same_records_have_one_key() -> None:
    one, seeded = parsed(), parsed(seed=1)
    assert one.records_key(altered=False) == seeded.records_key(altered=False)
    assert one.records_key(altered=True) != seeded.records_key(altered=True)
    assert one.records_key(altered=True) == defended("argmax").records_key(altered=True)


def test_the_poison_can_be_left_out() -> None:
    poisoned = parsed(poison={"name": "line"})
    assert poisoned.poison == "line"
    assert poisoned.without_poison() == parsed()
