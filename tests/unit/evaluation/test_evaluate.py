"""From scores to results, by hand and end to end."""

from __future__ import annotations

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.core.tables import Scores, SignalInfo
from pixleak.evaluation.evaluate import evaluate_scores, judge_scores
from pixleak.results.audit import Result


def scored(values, measured=None, ids=None) -> Scores:
    values = np.asarray(values, dtype=float)
    known = np.ones(len(values), dtype=bool) if measured is None else np.asarray(measured)
    names = tuple(f"r{i}" for i in range(len(values))) if ids is None else tuple(ids)
    return Scores(names, values, known, "threshold", "loss")


MEMBER = np.arange(40) < 20
# Members 0.5, 1.5, ... 19.5 and non-members 0, 1, ... 19.
LADDER = np.concatenate([np.arange(20) + 0.5, np.arange(20)])


def test_an_attack_by_hand() -> None:
    info = SignalInfo(name="loss", unit="nat/pixel", members_are="lower", source="arXiv:1709.01604")
    result = evaluate_scores(scored(LADDER), MEMBER, info=info, title="Global loss", replicates=50)
    # The k-th member beats k + 1 of 20 non-members: sum of 1..20 of 400 pairs.
    assert result.auc.value == 210 / 400
    tenth, hundredth, _ = result.tpr_at_fpr
    # Two false positives (18 and 19) are allowed, so the threshold is 17: 17.5, 18.5, 19.5.
    assert (tenth.successes, tenth.trials, tenth.false_positives, tenth.threshold) == (3, 20, 2, 17)
    assert tenth.resolvable
    assert not hundredth.resolvable
    assert (hundredth.successes, hundredth.false_positives) == (1, 0)
    assert (result.title, result.access, result.source) == (
        "Global loss", "probability", "arXiv:1709.01604"
    )  # fmt: skip
    assert [point.name for point in result.operating_points] == ["oracle"]
    assert (result.members, result.nonmembers, result.not_measured) == (20, 20, 0)


def test_thresholds_are_carried_over_from_the_shadow() -> None:
    # The shadow's members are 10..29 and its non-members 0..9 and 90: the best cut is 9.
    shadow = scored([*range(10, 30), *range(10), 90.0])
    result = evaluate_scores(
        scored(LADDER),
        MEMBER,
        shadow=(shadow, np.arange(31) < 20),
        extra_thresholds={"shadow-training-loss": 14.0},
        replicates=50,
    )
    points = {point.name: point for point in result.operating_points}
    assert points["shadow"].threshold == 9.0
    # 9.5 ... 19.5 are eleven members, 10 ... 19 ten non-members.
    assert (points["shadow"].tpr.successes, points["shadow"].fpr.successes) == (11, 10)
    assert points["shadow-training-loss"].tpr.successes == 6


def test_unmeasured_records_are_left_out_and_counted() -> None:
    values = np.append(LADDER, [1e9, np.nan])
    result = evaluate_scores(
        scored(values, np.arange(42) < 40), np.append(MEMBER, [False, True]), replicates=50
    )
    assert (result.auc.value, result.not_measured, result.members) == (210 / 400, 2, 20)


def test_the_control_is_joined_by_record() -> None:
    order = np.random.default_rng(0).permutation(40)
    control = scored(np.where(MEMBER, 1.0, 0.0)[order], ids=[f"r{i}" for i in order])
    units = [f"s{i // 2}" for i in range(40)]
    result = evaluate_scores(scored(LADDER), MEMBER, units=units, control=control, replicates=50)
    assert result.control_auc is not None
    assert result.control_auc.value == 1.0
    assert "by subject" in result.control_auc.method
    assert [rate.value for rate in result.control_tpr] == [1.0, 1.0, 1.0]
    with pytest.raises(InputError, match="not run on the same records"):
        evaluate_scores(scored(LADDER), MEMBER, control=scored([1.0] * 39), replicates=50)


def test_the_rates_of_the_control_are_those_at_its_own_thresholds() -> None:
    # Its two highest records are members, the third is none, then four members and a non-member.
    ranks = np.empty(40)
    highest = [0, 1, 20, 2, 3, 4, 5, 21]
    ranks[highest + [i for i in range(40) if i not in highest]] = -np.arange(40.0)
    result = evaluate_scores(
        scored(LADDER), np.arange(40) < 20, control=scored(ranks), fprs=(0.01, 0.05), replicates=50
    )
    assert [(rate.successes, rate.trials) for rate in result.control_tpr] == [(2, 20), (6, 20)]


def test_records_that_are_their_own_unit_are_records() -> None:
    ids = [f"r{i}" for i in range(40)]
    one = evaluate_scores(scored(LADDER), MEMBER, units=ids, replicates=50)
    other = evaluate_scores(scored(LADDER), MEMBER, replicates=50)
    assert one == other
    assert "by record" in one.auc.method


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"member": MEMBER[:-1]}, "40 records but member of shape"),
        ({"units": ["s"] * 39}, "40 records but 39 subjects"),
        ({"extra_thresholds": {"best": 1.0}}, "unknown operating point 'best'; known: oracle"),
        ({"extra_thresholds": {"oracle": 1.0}}, "'oracle' is given twice"),
        (
            {"scores": scored(LADDER, np.arange(40) > 10)},
            r"threshold over loss: too few members: 9.*\(11 of 40 records were not measured\)",
        ),
    ],
)
def test_bad_arguments(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        evaluate_scores(
            **{"scores": scored(LADDER), "member": MEMBER, "replicates": 20} | arguments
        )


def test_scores_alone() -> None:
    rng = np.random.default_rng(0)
    member = np.arange(200) < 100
    result = judge_scores(list(rng.normal(size=200) + 2 * member), [int(m) for m in member], seed=3)
    assert result.verdict.answer == "leak"
    assert (
        "provided that members and non-members come from the same population"
        in result.verdict.sentence
    )
    assert result.seeds == {"seed": 3}
    assert result.attacks[0].auc.value > 0.85
    again = Result.model_validate_json(result.to_json())
    assert again == result


def test_scores_alone_without_a_leak_and_with_too_few_subjects_to_say_so() -> None:
    rng = np.random.default_rng(1)
    member = np.arange(200) < 100
    scores = rng.normal(size=200)
    assert judge_scores(scores, member).verdict.answer == "none-found"
    subjects = [f"s{i // 10}" for i in range(200)]
    few = judge_scores(scores, member, subject=subjects)
    assert few.verdict.answer == "cannot-tell"
    assert (
        "10 + 10 independent subjects, blocks or clusters (100 + 100 records)"
        in few.verdict.sentence
    )


def test_infinite_scores_survive_saving() -> None:
    result = judge_scores([np.inf] * 20 + [-np.inf] * 20, MEMBER)
    rate = result.attacks[0].tpr_at_fpr[0]
    assert (rate.threshold, rate.value) == (-np.inf, 1.0)
    assert '"-Infinity"' in result.to_json()
    assert Result.model_validate_json(result.to_json()) == result


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0] * 40, [2] * 40), "booleans, or 0 and 1"),
        (([1.0] * 40, ["yes"] * 40), "booleans, or 0 and 1"),
        (([1.0] * 39, MEMBER), r"shapes \(39,\) and \(40,\)"),
        (([np.nan] * 40, MEMBER), "the score of record 0 is NaN"),
        ((LADDER, [True] * 40), "too few non-members: 0"),
    ],
)
def test_bad_scores(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        judge_scores(*arguments)


def test_bad_ids() -> None:
    with pytest.raises(InputError, match="'x' occurs twice"):
        judge_scores(LADDER, MEMBER, ids=["x", "x", *map(str, range(38))])
    with pytest.raises(InputError, match="40 scores but 2 ids"):
        judge_scores(LADDER, MEMBER, ids=["x", "y"])


@pytest.mark.parametrize("value", [0.0, np.inf, -np.inf])
def test_constant_scores_cannot_tell(value: float) -> None:
    result = judge_scores([value] * 400, [True, False] * 200)

    assert result.attacks[0].auc_attainable == 0.5
    assert result.verdict.answer == "cannot-tell"
    assert "every record has the same score" in result.verdict.sentence


def test_scores_that_single_out_a_few_records_only_cannot_clear() -> None:
    scores = np.zeros(400)
    scores[:10] = 1.0
    result = judge_scores(scores.tolist(), [True, False] * 200)

    # All ten could be members: k = 190 of 200 members lie in the tie with all non-members.
    assert result.attacks[0].auc_attainable == 1 - 190 * 200 / (2 * 200 * 200)
    assert result.verdict.answer == "cannot-tell"
