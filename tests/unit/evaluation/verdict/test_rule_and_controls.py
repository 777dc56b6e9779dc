"""What controls of the target and of the records allow the rule to answer."""

from __future__ import annotations

import pytest

from judged_attacks import PASSED, SHIFTED, attack, blind, interval, verdict
from pixleak.evaluation.elsewhere import elsewhere_control
from pixleak.evaluation.verdict.rule import decide
from pixleak.results.base import Interval
from pixleak.results.controls import Control


@pytest.mark.parametrize("name", ["working-target", "repeatable-answers"])
@pytest.mark.parametrize("passed", [False, None])
def test_a_target_that_does_not_work_is_never_cleared(name: str, passed: bool | None) -> None:
    idle = blind(name=name).model_copy(update={"passed": passed, "explanation": "It is idle."})
    found = verdict([attack()], [*PASSED, idle])
    assert found.answer == "cannot-tell"
    assert "It is idle." in found.sentence
    # A leak that it shows is a leak.
    assert verdict([attack(0.9, 0.0001)], [*PASSED, idle]).answer == "leak"


def test_answers_that_do_not_depend_on_the_image_show_nothing() -> None:
    still = blind(name="image-dependence").model_copy(update={"passed": False})
    assert verdict([attack(0.9, 0.0001)], [*PASSED, still]).answer == "cannot-tell"


def test_only_the_blind_baseline_measures_a_shift() -> None:
    other = blind(name="difficulty-compression")
    found = verdict([attack(0.9, 0.0001)], [blind(None), other], shift=SHIFTED)
    assert found.answer == "cannot-tell"


def test_scores_that_are_all_equal_are_no_clean_bill() -> None:
    tied = [one.model_copy(update={"auc_attainable": 0.5}) for one in (attack(), attack())]
    found = verdict(tied)
    assert found.answer == "cannot-tell"
    assert "every record has the same score" in found.sentence

    nearly = [one.model_copy(update={"auc_attainable": 0.64}) for one in tied]
    assert verdict(nearly).answer == "cannot-tell"
    assert "above 0.64" in verdict(nearly).sentence


def test_one_attack_that_ranks_is_enough_and_the_others_are_named() -> None:
    tied = attack(title="Dice").model_copy(update={"auc_attainable": 0.5})
    found = verdict([attack(), tied])
    assert found.answer == "none-found"
    assert "by the one attack" in found.sentence
    assert any("almost every record the same score" in r and "'Dice'" in r for r in found.reasons)


FOUND = attack(0.8, 1e-9)


def elsewhere(auc: float, half: float = 0.05) -> Control:
    return elsewhere_control("Loss", interval(auc, half), "the shadow model")


def test_a_model_trained_on_neither_side_that_separates_them_blocks_a_leak() -> None:
    found = verdict([FOUND], [blind(), elsewhere(0.62)])
    assert found.answer == "cannot-tell"
    assert "Trained elsewhere" in found.sentence
    assert verdict([FOUND], [blind(), elsewhere(0.52)]).answer == "leak"


@pytest.mark.parametrize(("low", "answer"), [(0.01, "leak"), (-0.01, "cannot-tell")])
def test_an_attack_must_exceed_models_trained_on_neither_side(low: float, answer: str) -> None:
    one = FOUND.model_copy(
        update={
            "elsewhere_auc": interval(0.55),
            "elsewhere_tpr": [0.1, 0.01, 0.001],
            "elsewhere_excess": Interval(value=0.2, low=low, high=0.4, method="test"),
        }
    )
    found = verdict([one], [blind(), elsewhere(0.5)])
    assert found.answer == answer
    if answer == "cannot-tell":
        assert "on models trained on neither side" in found.sentence


def test_members_that_are_harder_elsewhere_are_no_clean_bill() -> None:
    quiet = attack(auc=0.5, p=0.5)
    assert verdict([quiet], [blind(), elsewhere(0.5)]).answer == "none-found"
    found = verdict([quiet], [blind(), elsewhere(0.4)])
    assert found.answer == "cannot-tell"
    assert "harder for any model" in found.sentence
    assert verdict([FOUND], [blind(), elsewhere(0.4)]).answer == "leak"


@pytest.mark.parametrize(("passed", "answer"), [(True, "leak"), (False, "cannot-tell")])
def test_records_that_are_not_independent_allow_no_answer(passed: bool, answer: str) -> None:
    placebo = Control(
        name="member-placebo", title="Members against members", auc=interval(0.6), passed=passed,
        explanation="Records resemble their neighbours.",
    )  # fmt: skip
    found = verdict([FOUND], [blind(), placebo])
    assert found.answer == answer
    assert ("Records resemble their neighbours." in found.sentence) is not passed


@pytest.mark.parametrize(
    ("passed", "answer"), [(True, "leak"), (None, "leak"), (False, "cannot-tell")]
)
def test_correlated_records_block_a_leak(passed: bool | None, answer: str) -> None:
    control = Control(
        name="correlated-records",
        title="Correlated records",
        auc=None,
        passed=passed,
        explanation="Records of a side are like one another.",
    )
    found = decide(
        [attack(0.9, 1e-9)],
        [control],
        duplicates=None,
        shift=None,
        members=100,
        nonmembers=100,
    )
    assert found.answer == answer
    assert ("not independent" in found.sentence) == (passed is False)
