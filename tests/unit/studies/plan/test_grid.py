"""The cells of a study, from its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pixleak.core.errors import InputError
from pixleak.studies.plan.grid import StudyCell, build_grid
from pixleak.studies.plan.shared_records import OpenSources, plan_cells
from pixleak.studies.plan.study_config import StudyConfig, read_study_config

BASE: dict[str, Any] = {
    "records": {"reader": "phantom", "count": 96, "size": 32},
    "split": {"target_members": 20, "target_nonmembers": 24, "shadow_members": 20},
    "target": {"recipe": {"network": {"name": "unet", "options": {"dropout": 0.25}}, "lr": 0.01}},
}


def cells(axes: dict[str, Any], base: dict[str, Any] | None = None, **more: Any) -> list[StudyCell]:
    return list(build_grid(StudyConfig(base=base or BASE, axes=axes, **more)).cells)


def test_cells_are_the_product_of_the_axes_in_the_order_of_the_file() -> None:
    found = cells({"defence": ["none", "argmax"], "seed": [0, 1]})
    assert [cell.label for cell in found] == [
        "defence none, seed 0",
        "defence none, seed 1",
        "argmax, seed 0",
        "argmax, seed 1",
    ]
    assert [[d.name for d in c.config.audit.target.defences] for c in found] == [
        [],
        [],
        ["argmax"],
        ["argmax"],
    ]
    assert [cell.config.audit.seed for cell in found] == [0, 1, 0, 1]
    assert len({cell.id for cell in found}) == 4
    assert found[0].config.audit.run.exhibits == 0


def test_a_defence_is_a_name_a_name_with_options_or_a_stack() -> None:
    found = cells(
        {
            "defence": [
                "none",
                {"name": "crop-training", "options": {"size": 16}},
                {"label": "both", "stack": ["cut-mix", {"name": "rounding"}]},
                {"label": "slow", "name": "cut-mix", "overrides": {"run": {"batch_size": 4}}},
            ]
        }
    )
    assert [cell.levels["defence"] for cell in found] == [
        "none",
        "crop-training-16",
        "both",
        "slow",
    ]
    assert [[d.name for d in c.config.audit.target.defences] for c in found] == [
        [],
        ["crop-training"],
        ["cut-mix", "rounding"],
        ["cut-mix"],
    ]
    assert [cell.config.audit.run.batch_size for cell in found] == [16, 16, 16, 4]


def test_a_shadow_starts_from_what_the_victim_has_become() -> None:
    found = cells(
        {
            "defence": [
                {"label": "dp", "stack": [], "overrides": {"target": {"recipe": {"lr": 0.5}}}}
            ],
            "victim": {"small": {"network": "tiny", "epochs": 3}},
            "shadow": {"same": {}, "unet": {"network": {"name": "unet"}}, "no": None},
        }
    )
    victim = found[0].config.audit.target.training
    assert victim is not None
    assert (victim.network.name, victim.epochs, victim.lr) == ("tiny", 3, 0.5)
    assert found[0].config.audit.attacker.shadow is not None
    assert found[0].config.audit.attacker.shadow.training is None
    other = found[1].config.audit.attacker.shadow
    assert other is not None
    assert other.training is not None
    assert (other.training.network.name, other.training.epochs, other.training.lr) == (
        "unet",
        3,
        0.5,
    )
    # Not the dropout of the base's network: options belong to the network they stand beside.
    assert other.training.network.options["dropout"] == 0
    assert found[2].config.audit.attacker.shadow is None


def test_networks_can_be_named_in_a_list() -> None:
    found = cells({"victim": ["tiny", "unet"]})
    assert [c.config.audit.target.training.network.name for c in found] == [
        "tiny",
        "unet",
    ]


def test_sizes_of_target_and_shadow_follow_and_nonmembers_stay() -> None:
    found = cells({"training-size": [10, 20]})
    splits = [cell.config.audit.split for cell in found]
    assert [(s.target_members, s.shadow_members) for s in splits] == [(10, 10), (20, 20)]
    assert {s.target_nonmembers for s in splits} == {24}


def test_other_axes_lay_named_settings_over_the_base() -> None:
    found = cells({"length": {"short": {"target": {"recipe": {"epochs": 1}}}, "usual": {}}})
    epochs = [c.config.audit.target.training.epochs for c in found]
    assert epochs == [1, 50]
    assert [cell.label for cell in found] == ["short", "usual"]


def test_records_can_be_an_axis_and_replace_those_of_the_base() -> None:
    sets = {"few": {"reader": "phantom", "count": 100}, "more": {"reader": "phantom", "count": 200}}
    found = cells({"records": sets})
    assert [c.config.audit.records.count for c in found if c.config.audit.records] == [100, 200]  # type: ignore[union-attr]
    assert [c.config.audit.records.size for c in found if c.config.audit.records] == [64, 64]  # type: ignore[union-attr]


def test_skip_leaves_cells_out_and_only_keeps_them() -> None:
    axes = {"defence": ["none", "argmax"], "seed": [0, 1, 2]}
    kept = cells(axes, skip=({"defence": "argmax", "seed": [1, 2]},))
    assert [c.label for c in kept if c.levels["defence"] == "argmax"] == ["argmax, seed 0"]
    assert len(kept) == 4
    assert len(cells(axes, only=({"seed": 0}, {"defence": "argmax", "seed": 1}))) == 3


def test_a_cell_is_known_by_what_it_asks_for_and_by_nothing_else() -> None:
    (first,) = cells({"seed": [0]})
    (titled,) = cells({"seed": [0]}, title="Another", base=BASE | {"run": {"workers": 1}})
    (other,) = cells({"seed": [1]})
    assert first.id == titled.id != other.id


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"axes": {}}, "axes is empty"),
        ({"axes": [1, 2]}, "axes needs names with levels"),
        ({"axes": {"seed": 3}}, "axis 'seed' needs a list of levels, or names with settings, got"),
        ({"axes": {"seed": []}}, "axes.seed has no levels"),
        ({"axes": {"seed": ["one"]}}, "axes.seed: expected whole numbers, got 'one'"),
        ({"axes": {"seed": [1, 1]}}, "two levels are called '1'"),
        ({"axes": {"length": [1, 2]}}, "axes.length: its levels need names"),
        ({"axes": {"defense": ["none"]}}, "unknown axis 'defense', did you mean 'defence'?"),
        ({"axes": {"traning-size": [60]}}, "did you mean 'training-size'?"),
        ({"axes": {"victim": [{"network": "tiny"}]}}, "axes.victim: a level is the name of a"),
        (
            {"axes": {"defence": [{"nam": "argmax"}]}},
            "axes.defence: a level is a name, or a name with",
        ),
        ({"axes": {"defence": [{"name": "x", "size": 3}]}}, "unknown key 'size'"),
        ({"axes": {"defence": [{"stack": "x"}]}}, "stack is a list of defences"),
        ({"axes": {"seed": [0]}, "skip": ({"sead": 0},)}, "no axis 'sead', did you mean 'seed'?"),
        ({"axes": {"seed": [0]}, "only": ({"seed": 7},)}, "axis 'seed' has no level '7'"),
        ({"axes": {"seed": [0]}, "skip": ({"seed": 0},)}, "skip and only leave no cell"),
        (
            {"axes": {"poison": ["none"], "length": {"a": {}, "b": {}}}},
            "the cells 'poison none, a' and 'poison none, b' are the same audit",
        ),
        (
            {"axes": {"seed": [0], "a": {"b": {"target": {"recipe": {"epochz": 1}}}}}},
            "study, cell 'seed 0, b': target.recipe: unknown key 'epochz', did you mean 'epochs'?",
        ),
    ],
)
def test_mistakes_are_one_sentence(more: dict[str, Any], words: str) -> None:
    with pytest.raises((InputError, ValueError)) as caught:
        cells(**more)
    assert words in str(caught.value)


def test_a_base_can_be_a_file_whose_paths_are_its_own_and_settings_reach_into_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "audits").mkdir()
    audit = {"records": {"reader": "folders", "root": "images"}, "target": {"recipe": {}}}
    (tmp_path / "audits" / "audit.yaml").write_text(yaml.safe_dump(audit))
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump({"base": "audits/audit.yaml", "axes": {"seed": [3]}}))
    read = read_study_config(study, ["base.target.recipe.epochs=2", "axes.seed=[4, 5]"])
    assert read.base["records"]["root"] == str(tmp_path / "audits" / "images")
    assert read.base["target"]["recipe"]["epochs"] == 2
    assert [cell.config.audit.seed for cell in build_grid(read).cells] == [4, 5]
    with pytest.raises(InputError, match="unknown key 'axis', did you mean 'axes'"):
        read_study_config(study, ["axis.seed=[1]"])


def test_the_studies_of_the_benchmarks_are_valid(repo: Path) -> None:
    files = sorted((repo / "benchmarks" / "studies").glob("*.yaml"))
    assert len(files) >= 6
    for file in files:
        assert len(build_grid(read_study_config(file)).cells) >= 9


@pytest.mark.parametrize(
    "file", ["src/pixleak/request/templates/study.yaml", "examples/study_defences.yaml"]
)
def test_the_files_to_start_from_are_valid(file: str, repo: Path) -> None:
    grid = build_grid(read_study_config(repo / file))
    assert len(grid.cells) in (8, 12)
    plan_cells(grid.cells, OpenSources())
