from __future__ import annotations

from pathlib import Path

from made_studies import MadeStudy
from pixleak.studies.summary.conditions import find_conditions
from pixleak.studies.summary.frontier import (
    MEASURES,
    Candidate,
    dominates,
    find_candidates,
    utility_measures,
)


def placed(made: MadeStudy, folder: Path) -> dict[str, Candidate]:
    found = find_conditions(made.read(folder))
    return {one.label: one for one in find_candidates(found, utility_measures(found)[0])}


def test_what_no_other_is_better_than_in_both_is_on_the_frontier(tmp_path: Path) -> None:
    made = MadeStudy(half=0.002)
    made.seeds({"defence": "none"}, {"LiRA": [0.9, 0.9, 0.9]}, [0.8, 0.8, 0.8])
    made.seeds({"defence": "mild"}, {"LiRA": [0.7, 0.7, 0.7]}, [0.78, 0.78, 0.78])
    made.seeds({"defence": "hard"}, {"LiRA": [0.5, 0.5, 0.5]}, [0.6, 0.6, 0.6])
    made.seeds({"defence": "poor"}, {"LiRA": [0.75, 0.75, 0.75]}, [0.7, 0.7, 0.7])
    found = placed(made, tmp_path)
    assert {name: one.status for name, one in found.items()} == {
        "no defence": "frontier",
        "mild": "frontier",
        "hard": "frontier",
        "poor": "dominated",
    }
    assert found["poor"].dominated_by == "mild"


def test_a_difference_within_the_intervals_is_only_probably_domination(tmp_path: Path) -> None:
    made = MadeStudy(half=0.05)
    made.seeds({"defence": "a"}, {"LiRA": [0.7, 0.7, 0.7]}, [0.8, 0.8, 0.8])
    made.seeds({"defence": "b"}, {"LiRA": [0.71, 0.71, 0.71]}, [0.79, 0.79, 0.79])
    found = placed(made, tmp_path)
    assert found["b"].status == "probably dominated"
    assert found["b"].dominated_by == "a"
    assert dominates(found["b"], found["a"]) == "no"


def test_two_seeds_are_too_few_to_be_sure(tmp_path: Path) -> None:
    made = MadeStudy(half=0.001)
    made.seeds({"defence": "a"}, {"LiRA": [0.6, 0.6]}, [0.8, 0.8])
    made.seeds({"defence": "b"}, {"LiRA": [0.9, 0.9]}, [0.5, 0.5])
    assert placed(made, tmp_path)["b"].status == "probably dominated"


def test_equals_do_not_dominate_one_another(tmp_path: Path) -> None:
    made = MadeStudy(half=0.01)
    made.seeds({"defence": "a"}, {"LiRA": [0.6, 0.7, 0.8]}, [0.8, 0.8, 0.8])
    made.seeds({"defence": "b"}, {"LiRA": [0.6, 0.7, 0.8]}, [0.8, 0.8, 0.8])
    assert {one.status for one in placed(made, tmp_path).values()} == {"frontier"}


def test_of_an_error_less_is_better(tmp_path: Path) -> None:
    made = MadeStudy(half=0.001)
    for name, auc, error in (("a", 0.6, 0.02), ("b", 0.7, 0.05)):
        made.seeds(
            {"defence": name},
            {"LiRA": [auc] * 3},
            [0.9] * 3,
            l1_heldout=(error, error - 0.001, error + 0.001),
        )
    found = find_conditions(made.read(tmp_path))
    one, other = find_candidates(found, MEASURES["l1"])
    assert (one.status, other.status) == ("frontier", "dominated")
    assert round(one.utility_gain(other).value, 6) == 0.03


def test_the_measures_that_were_measured_are_found(tmp_path: Path) -> None:
    made = MadeStudy().cell({"defence": "none"}, {"LiRA": 0.7}, miou_heldout=(0.6, 0.5, 0.7))
    assert [one.word for one in utility_measures(find_conditions(made.read(tmp_path)))] == [
        "Dice",
        "mIoU",
    ]


def test_a_condition_without_utility_is_no_candidate(tmp_path: Path) -> None:
    made = MadeStudy().cell({"defence": "a"}, {"LiRA": 0.7}, None)
    made.cell({"defence": "b"}, {"LiRA": 0.7}, 0.8)
    assert list(placed(made, tmp_path)) == ["b"]
