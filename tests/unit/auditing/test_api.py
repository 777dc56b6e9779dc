from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pixleak
from pixleak.core.errors import InputError

RECORDS = pixleak.phantom(48, size=16, seed=0)
MEMBERS, NONMEMBERS = RECORDS.select(RECORDS.ids[:24]), RECORDS.select(RECORDS.ids[24:])


def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Conv2d(1, 2, 3, padding=1)


@pytest.mark.parametrize("wrong", [{"names": "argmax"}, None, 3])
def test_what_is_no_defence_is_refused_in_a_sentence(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^TargetModel: defences: .* is no defence"):
        pixleak.TargetModel(model(), defences=[wrong])


def test_few_subjects_are_refused_before_anything_is_computed() -> None:
    records = pixleak.phantom(48, size=16, slices_per_subject=8, seed=0)
    sides = records.select(records.ids[:24]), records.select(records.ids[24:])
    with pytest.raises(InputError, match="24 target members, of 3 subjects or blocks"):
        pixleak.audit(model(), *sides)


class Broken(torch.utils.data.Dataset[Any]):
    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> Any:
        raise ZeroDivisionError("half a record")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"access": "logits"}, "access is 'logits'; expected one of 'label'"),
        ({"seed": 1.5}, "seed must be a valid integer, got 1.5"),
        ({"attacker": "cunning"}, "Attacker: kind must be 'adaptive' or 'naive', got 'cunning'"),
        ({"references": 3}, "complementary pairs: give 4"),
        ({"references": 4}, "say how models like it are trained"),
    ],
)
def test_wrong_arguments_are_one_sentence(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        pixleak.audit(model(), MEMBERS, NONMEMBERS, **settings)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("part", "settings", "words"),
    [
        (pixleak.Attacker, {"signals": "margin"}, "a list of signals"),
        (pixleak.Attacker, {"signals": ["margn"]}, "did you mean 'margin'"),
        (pixleak.Attacker, {"sgnals": []}, "unknown argument 'sgnals', did you mean 'signals'"),
        (pixleak.Recipe, {"epochs": 0}, "Recipe: epochs must be"),
        (pixleak.Evaluation, {"replicates": 10**9}, "replicates must be"),
    ],
)
def test_wrong_parts_are_one_sentence(part: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        part(**settings)
    assert words in str(caught.value)


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(InputError, match="device 'abacus' cannot be used here"):
        pixleak.audit(pixleak.TargetModel(model(), device="abacus"), MEMBERS, NONMEMBERS)


def test_an_attacker_with_learned_signals_needs_a_shadow() -> None:
    attacker = pixleak.Attacker(learned=["type-ii-logistic"])
    with pytest.raises(InputError, match="signals are learned on a shadow model"):
        pixleak.audit(model(), MEMBERS, NONMEMBERS, attacker=attacker)
    attacker = pixleak.Attacker(shadow=pixleak.Recipe(network="tiny"))
    with pytest.raises(InputError, match=r"Attacker\(shadow=...\) needs Attacker\(records=...\)"):
        pixleak.audit(model(), MEMBERS, NONMEMBERS, attacker=attacker)


def test_data_sets_need_their_classes_and_may_fail_in_one_sentence() -> None:
    items = [(record.image, record.truth) for record in RECORDS]
    with pytest.raises(InputError, match="say how many classes"):
        pixleak.audit(model(), items[:24], items[24:])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="classes must be a number, a LabelTruth or"):
        pixleak.audit(model(), items[:24], items[24:], classes="2")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be loaded: ZeroDivisionError: half a record"):
        pixleak.audit(model(), Broken(), Broken(), classes=2)


def test_the_model_is_left_as_it_was_and_nothing_stays_on_disk(tmp_path: Path) -> None:
    module = model().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    result = pixleak.audit(module, MEMBERS, NONMEMBERS)
    folder = result._folder
    assert folder is not None
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    page = result.save(tmp_path / "run")
    assert page.is_file()
    del result
    assert not folder.exists()


def test_results_are_not_saved_into_no_folder() -> None:
    result = pixleak.evaluate(np.arange(40.0).tolist(), [i % 2 == 0 for i in range(40)])
    with pytest.raises(InputError, match="needs the name of a folder"):
        result.save("")


def test_a_shadow_brings_the_learned_attacks() -> None:
    more = pixleak.phantom(48, size=16, seed=1)
    kept = [pixleak.RecordKey(f"mine-{key.id}") for key in more.keys]
    shadow_records = pixleak.Records(kept, more.load, more.truth)
    result = pixleak.audit(
        model(),
        MEMBERS,
        NONMEMBERS,
        attacker=pixleak.Attacker(
            shadow=pixleak.Recipe(network="tiny", epochs=1),
            records=shadow_records,
            learned=["type-ii-logistic"],
        ),
    )
    assert "type-ii-logistic" in {attack.signal for attack in result.attacks}
    points = {p.name for a in result.attacks for p in a.operating_points}
    assert points == {"oracle", "shadow", "shadow-training-loss"}


def test_scores_that_are_no_numbers_are_one_sentence() -> None:
    with pytest.raises(InputError, match="scores must be numbers"):
        pixleak.evaluate(["a"] * 40, [True, False] * 20)  # type: ignore[list-item]


def test_records_without_a_subject_stand_for_themselves() -> None:
    member = [i < 20 for i in range(40)]
    subject = [None if i % 2 else f"s{i}" for i in range(40)]
    result = pixleak.evaluate([float(i) for i in range(40)], member, subject=subject)  # type: ignore[arg-type]
    assert result.attacks[0].auc.value == 0.0


def test_classes_that_contradict_the_records_are_refused() -> None:
    with pytest.raises(InputError, match=r"^classes=3 contradicts members, whose truth is"):
        pixleak.audit(model(), MEMBERS, NONMEMBERS, classes=3)
    with pytest.raises(InputError, match="contradicts members"):
        pixleak.audit(model(), MEMBERS, NONMEMBERS, classes=pixleak.ImageTruth(3))
    with pytest.raises(InputError, match="contradicts members"):
        pixleak.audit(model(), MEMBERS, NONMEMBERS, classes=pixleak.LabelTruth(2, ignore=255))
    assert pixleak.audit(model(), MEMBERS, NONMEMBERS, classes=2).verdict.answer


def test_a_model_and_a_training_are_two_targets() -> None:
    recipe = pixleak.Recipe(network="tiny")
    for given in ({"recipe": recipe}, {"training": recipe}, {"function": "a.py:f"}):
        with pytest.raises(InputError, match=r"^TargetModel: is one model, but got model and "):
            pixleak.TargetModel(model(), **given)


def test_a_folder_that_cannot_be_written_is_told_as_the_argument(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"choose another with out$"):
        pixleak.audit(model(), MEMBERS, NONMEMBERS, out=tmp_path / "file")


def test_the_short_start_has_at_most_ten_parameters() -> None:
    assert len(inspect.signature(pixleak.audit).parameters) <= 10
