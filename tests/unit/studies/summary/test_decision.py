from __future__ import annotations

from pathlib import Path

import pytest

from made_studies import MadeStudy
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.decision import Decision, choose_defence, trade_value
from pixleak.studies.summary.frontier import Candidate, find_candidates, utility_measures


def found(folder: Path, table: dict[str, tuple[float, float]], **made: object) -> list[Candidate]:
    """Candidates with these AUCs and utilities, three seeds each unless ``seeds`` says else."""
    seeds = int(str(made.pop("seeds", 3)))
    study = MadeStudy(half=float(str(made.pop("half", 0.005))))
    for defence, (auc, utility) in table.items():
        attacks = {"LiRA": [auc] * seeds, "Global loss": [auc - 0.04] * seeds}
        study.seeds({"defence": defence}, attacks, [utility] * seeds, **made)
    all_of_them = find_conditions(study.read(folder))
    return find_candidates(all_of_them, utility_measures(all_of_them)[0])


def decided(folder: Path, table: dict[str, tuple[float, float]], **made: object) -> Decision:
    return choose_defence(found(folder, table, **made))


def test_the_most_useful_that_holds_is_to_be_shipped(tmp_path: Path) -> None:
    table = {"none": (0.85, 0.82), "mild": (0.7, 0.81), "hard": (0.56, 0.75), "harder": (0.5, 0.6)}
    answer = decided(tmp_path, table)
    assert (answer.branch, answer.named, answer.provisional) == ("holds", ("hard",), False)
    # Half widths: 0.005 / sqrt(3) = 0.0029 of each, and sqrt(2) times that of the difference.
    assert answer.sentence == (
        "Ship hard: it holds the strongest attack tried to AUC 0.560 (0.557–0.563), within "
        "the acceptable 0.6, and costs 0.070 Dice (0.066–0.074; 0.820 without it, 0.750 with it)."
    )


def test_what_cannot_be_told_apart_is_named_together(tmp_path: Path) -> None:
    table = {"none": (0.85, 0.82), "a": (0.55, 0.75), "b": (0.52, 0.749), "c": (0.5, 0.6)}
    answer = decided(tmp_path, table)
    assert answer.named == ("a", "b")
    assert answer.sentence.startswith("Ship a or b: each holds the strongest attack tried to")
    assert "their Dice values are not distinguishable" in answer.sentence
    assert [line for line in answer.reasons if line.startswith("b: strongest attack tried 0.520")]


def test_what_may_hold_with_more_utility_is_mentioned(tmp_path: Path) -> None:
    table = {"none": (0.85, 0.82), "a": (0.55, 0.7), "b": (0.6, 0.8), "c": (0.6, 0.6)}
    answer = decided(tmp_path, table)
    assert answer.named == ("a",)
    assert [line for line in answer.reasons if line.startswith("May hold")] == [
        "May hold 0.6 as well, with more Dice on average: b (AUC 0.600 (0.597–0.603))."
    ]


def test_longer_training_is_said(tmp_path: Path) -> None:
    study = MadeStudy(half=0.005)
    for defence, auc, seconds in (("none", 0.9, 10), ("a", 0.55, 21)):
        levels = {"defence": defence}
        study.seeds(levels, {"LiRA": [auc] * 3}, [0.8] * 3, training_seconds=seconds)
    all_of_them = find_conditions(study.read(tmp_path))
    answer = choose_defence(find_candidates(all_of_them, utility_measures(all_of_them)[0]))
    assert answer.sentence.endswith("; training takes 2.1 times as long.")


def test_an_undefended_model_that_holds_is_shipped_as_it_is(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"none": (0.55, 0.82), "a": (0.5, 0.822), "b": (0.5, 0.7)})
    assert (answer.branch, answer.named) == ("holds", ("no defence",))
    assert "no defence is shown to raise its Dice" in answer.sentence


def test_a_defence_that_is_shown_to_help_utility_is_better_than_none(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"none": (0.55, 0.8), "a": (0.5, 0.9)})
    assert answer.named == ("a",)
    assert "gains 0.100 Dice" in answer.sentence


def test_a_cost_within_the_interval_is_not_claimed(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"none": (0.85, 0.82), "a": (0.55, 0.819)})
    assert "changes Dice by −0.001 (−0.005 to 0.003; " in answer.sentence
    assert "is not distinguishable from zero" in answer.sentence


def test_an_interval_across_the_level_cannot_tell(tmp_path: Path) -> None:
    table = {"none": (0.85, 0.82), "a": (0.6, 0.8), "b": (0.61, 0.7), "c": (0.7, 0.8)}
    answer = decided(tmp_path, table, half=0.05)
    assert (answer.branch, answer.named) == ("may", ("a", "b"))
    assert answer.sentence.startswith("Cannot tell which to ship")


def test_where_none_holds_the_best_trade_is_named(tmp_path: Path) -> None:
    # b removes 0.2 of 0.4 and loses 0.08 of 0.8: 0.5 - 0.1 = 0.4; a: 0.25 - 0.0125;
    # c: 0.55 - 0.5.
    table = {"none": (0.9, 0.8), "a": (0.8, 0.79), "b": (0.7, 0.72), "c": (0.68, 0.4)}
    group = found(tmp_path, table)
    by_name = {one.label: one for one in group}
    assert trade_value(by_name["b"], by_name["no defence"]) == pytest.approx(0.4)
    answer = choose_defence(group)
    assert (answer.branch, answer.named) == ("trade", ("b",))
    assert answer.sentence == (
        "None holds the strongest attack tried to AUC 0.6; the best trade is b: it lowers the "
        "attack from AUC 0.900 (0.897–0.903) to 0.700 (0.697–0.703), and costs 0.080 Dice "
        "(0.076–0.084; 0.800 without it, 0.720 with it)."
    )


def test_trades_that_cannot_be_told_apart_are_named_together(tmp_path: Path) -> None:
    table = {"none": (0.9, 0.8), "a": (0.7, 0.72), "b": (0.701, 0.721), "c": (0.68, 0.4)}
    answer = decided(tmp_path, table)
    assert set(answer.named) == {"a", "b"}
    assert "which are not distinguishable" in answer.sentence


def test_trades_of_equal_utility_are_told_apart_by_the_attack(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"none": (0.9, 0.8), "a": (0.7, 0.78), "b": (0.75, 0.78)})
    assert answer.named == ("a",)


def test_where_nothing_is_shown_to_help_nothing_is_named(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"none": (0.9, 0.8), "a": (0.899, 0.8), "b": (0.93, 0.8)})
    assert (answer.branch, answer.named) == ("nothing helps", ())
    assert "0.900" in answer.sentence


def test_without_the_undefended_model_no_cost_is_named(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"a": (0.55, 0.8), "b": (0.9, 0.8)})
    assert "has an unknown cost" in answer.sentence
    answer = decided(tmp_path, {"a": (0.7, 0.8), "b": (0.9, 0.8)})
    assert answer.branch == "trade"
    assert "What it costs is unknown" in answer.sentence


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_make_it_provisional(tmp_path: Path, seeds: int) -> None:
    answer = decided(tmp_path, {"none": (0.9, 0.8), "a": (0.55, 0.8)}, seeds=seeds)
    assert answer.provisional
    assert answer.sentence.startswith(f"Provisional, on {seeds} seed{'s' * (seeds > 1)}: ship a")
    same = [line for line in answer.reasons if "the largest of all" in line]
    assert bool(same) == (seeds == 1)


def test_what_was_left_out_is_said(tmp_path: Path) -> None:
    group = found(tmp_path, {"none": (0.9, 0.8), "a": (0.55, 0.8)})
    answer = choose_defence(group, left_out=["b, seed 0"])
    assert any(line.startswith("Left out: b, seed 0.") for line in answer.reasons)


def test_one_condition_is_no_comparison(tmp_path: Path) -> None:
    answer = decided(tmp_path, {"none": (0.9, 0.8)})
    assert (answer.branch, answer.named) == ("no comparison", ())
    assert "without one, the strongest attack tried reaches AUC 0.900" in answer.sentence
    assert choose_defence([]).sentence == "No defences were compared."


def test_members_that_are_still_recognised_are_said(tmp_path: Path) -> None:
    table = {"none": (0.9, 0.8), "a": (0.55, 0.8)}
    answer = decided(
        tmp_path, table, tpr1=(0.12, 0.08, 0.17), tpr1_resolvable=True, epsilon=8.0, delta=1e-3
    )
    told = " ".join(answer.reasons).replace("\N{NO-BREAK SPACE}", " ")
    assert "a: an attack still recognises 12 % of the members" in told
    assert "a: proven bound ε = 8, δ = 0.001" in told


def test_the_level_is_the_studys(tmp_path: Path) -> None:
    group = found(tmp_path, {"none": (0.9, 0.8), "a": (0.55, 0.7), "b": (0.7, 0.79)})
    assert choose_defence(group, acceptable=0.75).named == ("b",)
    assert choose_defence(group, acceptable=0.6).named == ("a",)
