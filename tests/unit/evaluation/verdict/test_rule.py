"""Every branch of the rule, and how often it calls a leak where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from judged_attacks import SHIFTED, attack, between, blind, duplicates, rate, verdict
from pixleak.core.tables import Scores
from pixleak.evaluation.evaluate import evaluate_scores
from pixleak.evaluation.statistics.power import detectable_auc
from pixleak.evaluation.verdict.rule import RULE
from pixleak.results.attacks import AttackResult
from pixleak.results.base import Rate
from pixleak.results.controls import Control


def test_leak() -> None:
    found = verdict([attack(0.93, 1e-9, tpr_p=1e-9), attack(0.6, 0.04, title="Entropy")])
    assert found.answer == "leak"
    assert found.evidence == ["Loss"]
    assert found.sentence == (
        "The model reveals which records it was trained on: 'Loss' distinguishes members from "
        "non-members with AUC 0.93 [0.88, 0.98] and identifies 41 of 200 members (20.5 % [15.1 %, "
        "26.8 %]) at a false positive rate of 1 %."
    )
    assert any("'Blind baseline' passed (AUC 0.50" in reason for reason in found.reasons)


def test_the_interval_that_is_quoted_holds_for_all_attacks_together() -> None:
    wide = between(0.9, 0.71, 0.98)
    strongest = attack(0.9, 1e-9).model_copy(update={"auc_simultaneous": wide})
    found = verdict([strongest, attack(title="Dice")])
    assert found.answer == "leak"
    assert "AUC 0.90 [0.71, 0.98]" in found.sentence
    assert "[0.85, 0.95]" not in " ".join([found.sentence, *found.reasons])


def test_the_strongest_piece_of_evidence_is_named() -> None:
    found = verdict([attack(0.7, 1e-9), attack(0.9, 1e-9, title="Type-II")])
    assert found.evidence == ["Type-II", "Loss"]
    assert "'Type-II' distinguishes" in found.sentence


def test_a_leak_of_few_records_is_seen() -> None:
    found = verdict([attack(0.52, 0.3, tpr_p=0.001)])
    assert (found.answer, found.evidence) == ("leak", ["Loss"])
    assert "identifies 41 of 200 members" in found.sentence


@pytest.mark.parametrize(
    ("auc", "control", "answer"),
    [
        ((0.72, 0.57, 0.85), (0.651, 0.497, 0.793), "cannot-tell"),
        ((0.82, 0.68, 0.92), (0.651, 0.497, 0.793), "leak"),
        ((0.72, 0.57, 0.85), (0.43, 0.36, 0.51), "leak"),
        ((0.70, 0.65, 0.75), (0.65, 0.49, 0.79), "cannot-tell"),
        ((0.70, 0.6501, 0.75), (0.65, 0.49, 0.79), "leak"),
        ((0.90, 0.80, 0.95), (0.60, 0.51, 0.70), "cannot-tell"),
    ],
)
def test_the_interval_of_an_attack_must_lie_above_its_control(
    auc: tuple[float, float, float], control: tuple[float, float, float], answer: str
) -> None:
    weighed = attack(0.5, 1e-6).model_copy(
        update={"auc": between(*auc), "control_auc": between(*control)}
    )
    found = verdict([weighed])
    assert found.answer == answer
    assert found.evidence == (["Loss"] if answer == "leak" else [])
    if answer == "cannot-tell":
        assert f"AUC {control[0]:.2f} [" in found.sentence
        assert any("does not exceed" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("fpr", "low", "control", "answer"),
    # Normal scores with an AUC of 0.65 find 3.74 % at 1 % FPR and 23.07 % at 10 %.
    [
        (0.01, 0.0375, 0.65, "leak"),
        (0.01, 0.0373, 0.65, "cannot-tell"),
        (0.1, 0.2308, 0.65, "leak"),
        (0.1, 0.2306, 0.65, "cannot-tell"),
        (0.01, 0.0101, 0.5, "leak"),
        (0.01, 0.0375, 0.4, "leak"),
    ],
)
def test_a_rate_is_weighed_against_what_goes_with_the_control(
    fpr: float, low: float, control: float, answer: str
) -> None:
    few = attack(0.52, 0.3).model_copy(
        update={
            "tpr_at_fpr": [rate(fpr, 1e-6).model_copy(update={"low": low})],
            "control_auc": between(control, control - 0.2, control + 0.2),
        }
    )
    assert verdict([few]).answer == answer


def untrained_rate(value: float, low: float, high: float) -> Rate:
    return Rate(value=value, low=low, high=high, successes=0, trials=200)


@pytest.mark.parametrize(
    ("own", "answer"),
    [
        # The rate at 1 % is 0.205, and its interval begins at 0.151: 0.054 below. That of the
        # control ends h above its value v, so 0.205 - v must exceed the root of 0.054^2 + h^2.
        (untrained_rate(0.005, 0.0, 0.1971), "leak"),
        (untrained_rate(0.005, 0.0, 0.1977), "cannot-tell"),
        # This interval lies above 1 %: the untrained model distinguishes some members, too.
        (untrained_rate(0.011, 0.0101, 0.012), "cannot-tell"),
    ],
)
def test_a_rate_must_exceed_that_of_the_untrained_model(own: Rate, answer: str) -> None:
    few = attack(0.52, 0.3, tpr_p=1e-6)
    fine = untrained_rate(0.1, 0.05, 0.15)
    found = verdict([few.model_copy(update={"control_tpr": [fine, own, own]})])
    assert found.answer == answer


def test_the_untrained_model_must_pass_at_every_tested_rate() -> None:
    few = attack(0.52, 0.3, tpr_p=1e-6)
    fine, spread = untrained_rate(0.01, 0.0, 0.02), untrained_rate(0.2, 0.11, 0.3)
    found = [
        verdict([few.model_copy(update={"control_tpr": rates})]).answer
        for rates in ([spread, fine, fine], [fine, fine, spread])
    ]
    assert found == ["cannot-tell", "leak"]  # the rate at 0.1 % is not tested


def test_scores_that_spread_further_on_an_untrained_model_too_are_no_leak() -> None:
    # Members spread twice as far on either model: AUC one half, TPR 0.26 at 10 %, 0.12 at 1 %.
    member = np.arange(200) < 100
    ids, every = tuple(map(str, range(200))), np.ones(200, dtype=bool)
    answers = []
    for seed in range(20):
        draws = np.random.default_rng(seed)
        trained, untrained = (
            Scores(ids, np.where(member, 2, 1) * draws.normal(size=200), every, "a", "s")
            for _ in range(2)
        )
        result = evaluate_scores(trained, member, control=untrained, replicates=50, seed=seed)
        answers.append(verdict([result]).answer)
    assert answers.count("leak") <= 2  # 17 where only the AUC of the control was asked for


def test_one_significant_figure_above_the_control_is_enough() -> None:
    # The AUC is significant and not above the control's; the rate is both.
    weighed = attack(0.62, 1e-6, tpr_p=1e-6).model_copy(
        update={"control_auc": between(0.58, 0.49, 0.66)}
    )
    assert verdict([weighed]).answer == "leak"
    # A rate that is not significant does not count, wherever it lies.
    weak = attack(0.62, 1e-6).model_copy(update={"control_auc": between(0.58, 0.49, 0.66)})
    assert verdict([weak]).answer == "cannot-tell"


def test_only_rates_that_mean_something_are_quoted() -> None:
    assert "identifies" not in verdict([attack(0.9, 1e-9)]).sentence
    tenth = attack(0.9, 1e-9).model_copy(update={"tpr_at_fpr": [rate(0.1, 1e-9), rate(0.01, 0.4)]})
    assert "(20.5 % [15.1 %, 26.8 %]) at a false positive rate of 10 %" in verdict([tenth]).sentence
    few = rate(0.01, 1e-9).model_copy(update={"resolvable": False, "nonmembers": 80})
    shown = attack(0.9, 1e-9).model_copy(update={"tpr_at_fpr": [few]})
    assert "identifies" not in verdict([shown]).sentence
    # Unless there is nothing else.
    alone = attack(0.52, 0.3).model_copy(update={"tpr_at_fpr": [few]})
    assert "with no false positive among 80 non-members" in verdict([alone]).sentence


def test_rates_below_one_percent_are_not_tested() -> None:
    # In all of these results the rate at 0.1 % has p = 0.
    assert verdict([attack()]).answer == "none-found"


@pytest.mark.parametrize(("p", "answer"), [(0.0166, "leak"), (0.0167, "none-found")])
def test_the_level_is_shared_among_the_tests(p: float, answer: str) -> None:
    # One attack, three tests: the smallest p-value must be at most 0.05 / 3.
    assert verdict([attack(0.6, p)]).answer == answer


def test_a_failed_control_blocks() -> None:
    found = verdict([attack(0.99, 1e-12)], [blind(0.75)])
    assert (found.answer, found.evidence) == ("cannot-tell", [])
    assert "'Blind baseline' distinguishes members from non-members with AUC 0.75" in found.sentence
    assert verdict([attack()], [blind(0.75)]).answer == "cannot-tell"


def test_the_untrained_model_is_judged_attack_by_attack() -> None:
    listed = blind(0.75, name="untrained-model")
    assert verdict([attack(0.9, 1e-9)], [blind(), listed]).answer == "leak"


@pytest.mark.parametrize("control", [0.8, 0.2])
def test_an_attack_whose_control_fires_is_no_evidence(control: float) -> None:
    alone = verdict([attack(0.9, 1e-9, control=control)])
    assert alone.answer == "cannot-tell"
    assert "on an untrained model" in alone.sentence
    both = verdict([attack(0.9, 1e-9, control=control), attack(0.8, 1e-9, title="Type-II")])
    assert (both.answer, both.evidence) == ("leak", ["Type-II"])
    assert any(
        "Not counted as evidence" in reason and "'Loss'" in reason for reason in both.reasons
    )


@pytest.mark.parametrize("controls", [[], [blind(None)], [blind(0.5, name="untrained-model")]])
def test_without_a_control_a_leak_is_conditional(controls: list[Control]) -> None:
    found = verdict([attack(0.9, 1e-9, control=None)], controls)
    assert found.answer == "leak"
    assert "provided that members and non-members come from the same population" in found.sentence
    assert any("No control has shown" in reason for reason in found.reasons)
    assert any("Not compared with an untrained model: 'Loss'" in r for r in found.reasons)


def test_shift() -> None:
    checked = verdict([attack(0.9, 1e-9)], shift=SHIFTED)
    assert checked.answer == "leak"
    assert any("brightness differs. The blind baseline" in reason for reason in checked.reasons)
    unchecked = verdict([attack(0.9, 1e-9)], [], shift=SHIFTED)
    assert unchecked.answer == "cannot-tell"
    assert "image properties" in unchecked.sentence


def test_duplicates_block_a_clean_bill_and_not_a_leak() -> None:
    assert verdict([attack()], duplicates=duplicates(10)).answer == "none-found"
    many = verdict([attack()], duplicates=duplicates(11))
    assert many.answer == "cannot-tell"
    assert "5.5 % of the non-members" in many.sentence
    leak = verdict([attack(0.9, 1e-9)], duplicates=duplicates(100))
    assert leak.answer == "leak"
    assert any("100 of 200 non-members" in reason for reason in leak.reasons)


@pytest.mark.parametrize(
    "settings",
    [
        {"attacks": []},
        {"attacks": [attack(0.9, 1e-9)]},
        {"attacks": [attack(0.9, 1e-9)], "controls": [blind(0.75)]},
        {"attacks": [attack(0.9, 1e-9, control=0.8)]},
        {"attacks": [attack(0.35, 1 - 1e-6)]},
        {"attacks": [attack()], "members": 20, "nonmembers": 20},
    ],
)
def test_duplicates_are_always_mentioned(settings: dict[str, Any]) -> None:
    found = verdict(**settings, duplicates=duplicates(100))
    assert any("100 of 200 non-members" in reason for reason in found.reasons)
    other = duplicates(0).model_copy(update={"passed": False, "explanation": "Not readable."})
    found = verdict(**settings, duplicates=other)
    assert "The check for duplicates failed. Not readable." in found.reasons


def test_members_ranked_lower_are_no_clean_bill() -> None:
    found = verdict([attack(0.35, 1 - 1e-6)])
    assert found.answer == "cannot-tell"
    assert "ranks members lower than non-members" in found.sentence
    assert "check their sign: higher must mean member" in found.sentence
    # Not if it may be chance, and not instead of a leak.
    assert verdict([attack(0.47, 0.9)]).answer == "none-found"
    both = verdict([attack(0.35, 1 - 1e-6), attack(0.9, 1e-9, title="Type-II")])
    assert both.answer == "leak"
    assert any("ranked lower" in reason for reason in both.reasons)


def test_too_few_records() -> None:
    found = verdict([attack()], members=20, nonmembers=20)
    assert found.answer == "cannot-tell"
    assert found.detectable_auc > 0.7
    # 200 records on each side, of 20 subjects.
    size = "20 + 20 independent subjects, blocks or clusters (200 + 200 records)"
    assert f"with {size}, only an AUC of" in found.sentence
    assert found.reasons[-1].startswith(f"With {size}, these attacks would have detected an AUC of")
    alone = attack().model_copy(update={"members": 20, "nonmembers": 20})
    assert "leaks: with 20 members and 20 non-members, only" in (
        verdict([alone], members=20, nonmembers=20).sentence
    )
    assert verdict([attack(0.9, 1e-9)], members=20, nonmembers=20).answer == "leak"


def test_none_found_names_what_would_have_been_found() -> None:
    found = verdict([attack(), attack(0.51, 0.4, title="Entropy")])
    assert found.answer == "none-found"
    assert found.detectable_auc == detectable_auc(200, 200, level=0.05 / 6)
    assert (
        "With 200 members and 200 non-members, an AUC of "
        f"{found.detectable_auc:.2f} or more would have been detected"
    ) in found.sentence
    assert "'Entropy' with AUC 0.51" in found.sentence


def test_no_attack_at_all() -> None:
    assert verdict([]).answer == "cannot-tell"


def test_the_rule_is_written_down() -> None:
    text = " ".join(RULE)
    for answer in ("'leak'", "'none found'", "'cannot tell'"):
        assert answer in text


def correlated(rng, n: int, distance: float = 0.0, attacks: int = 6) -> list[AttackResult]:
    """Six attacks on the same records, correlated by one half, through the real evaluation."""
    member = np.arange(2 * n) < n
    shared = rng.normal(size=2 * n)
    found = []
    for k in range(attacks):
        values = (shared + rng.normal(size=2 * n)) / np.sqrt(2) + distance * member
        scores = Scores(
            ids=tuple(map(str, range(2 * n))),
            values=values,
            measured=np.ones(2 * n, dtype=bool),
            attack="threshold",
            signal=f"signal-{k}",
        )
        found.append(evaluate_scores(scores, member, replicates=20))
    return found


def test_without_a_leak_a_leak_is_rarely_called() -> None:
    # At most 5 % of 200: more than 20 happen with probability 0.001 or less.
    rng = np.random.default_rng(0)
    answers = [verdict(correlated(rng, 60), members=60, nonmembers=60).answer for _ in range(200)]
    assert answers.count("leak") <= 20
    assert answers.count("none-found") >= 170
