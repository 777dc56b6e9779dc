"""The table in the terminal."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from pixleak.evaluation.evaluate import judge_scores
from pixleak.report.terminal import result_table, result_text
from pixleak.results.audit import Result
from pixleak.results.base import Interval
from pixleak.results.controls import Control


def example() -> Result:
    member = np.arange(400) < 200
    scores = np.random.default_rng(0).normal(size=400) + 1.5 * member
    return judge_scores(scores, member, title="Trial [one]")


def test_the_verdict_comes_first_and_every_figure_has_its_interval() -> None:
    result = example()
    lines = result_text(result).splitlines()
    assert lines[0] == "Trial [one]"
    assert lines[1].startswith("LEAK  The model reveals")
    row = next(line for line in lines if line.startswith("* Given scores"))
    attack = result.attacks[0]
    assert f"{attack.auc.value:.2f} [{attack.auc.low:.2f}, {attack.auc.high:.2f}]" in row
    first = attack.tpr_at_fpr[0]
    assert f"{100 * first.value:.0f} [{100 * first.low:.0f}, {100 * first.high:.0f}]" in row
    # 0.1 % of 200 non-members cannot be resolved by any attack: no column.
    assert "0.1 % FPR" not in result_text(result)
    assert lines[-1] == "* evidence of a leak"
    assert "AUC on an" not in result_text(result)


def test_controls_and_warnings() -> None:
    half = Interval(value=0.5, low=0.4, high=0.6, method="test")
    controls = [
        Control(name="blind-baseline", title="Blind [b]", auc=half, passed=False, explanation=""),
        Control(name="other", title="Other", auc=None, passed=None, explanation=""),
    ]
    result = example()
    shown = result.model_copy(
        update={
            "controls": controls,
            "warnings": ["Mind the step."],
            "attacks": [result.attacks[0].model_copy(update={"control_auc": half})],
        }
    )
    text = result_text(shown)
    assert text.index("Blind [b]") < text.index("* Given scores")
    assert "0.50 [0.40, 0.60]  failed" in text
    assert "not run" in text
    assert "untrained model" in text
    assert text.splitlines()[-1] == "Warning: Mind the step."


def many(resolvable: bool) -> Result:
    """Attacks with the longest names there are, and their controls."""
    result = example()
    (attack,) = result.attacks
    half = Interval(value=0.5, low=0.4, high=0.6, method="test")
    rates = [*attack.tpr_at_fpr[:2], attack.tpr_at_fpr[2].model_copy(update={"resolvable": True})]
    titles = ("Global loss (cross-entropy)", "Type-II (logistic)", "Confidence")
    attacks = [
        attack.model_copy(
            update={
                "title": title,
                "control_auc": half,
                # One attack that resolves the rate makes a column for all.
                "tpr_at_fpr": rates if resolvable and title == "Confidence" else attack.tpr_at_fpr,
            }
        )
        for title in titles
    ]
    evidence = result.verdict.model_copy(update={"evidence": list(titles[:2])})
    return result.model_copy(update={"attacks": attacks, "verdict": evidence})


def test_eighty_columns_are_enough() -> None:
    text = result_text(many(resolvable=False), width=80)
    lines = text.splitlines()
    (first,) = (i for i, line in enumerate(lines) if line.startswith("* Global loss"))
    assert max(map(len, lines)) <= 80
    starts = ("* Global loss  ", "  (cross-entropy)", "* Type-II (logistic) ", "  Confidence ")
    shown = lines[first : first + 4]
    assert all(line.startswith(start) for line, start in zip(shown, starts, strict=True))
    assert "1 % FPR" in text
    assert "n/r" not in text


def test_rates_that_do_not_fit_are_named() -> None:
    result = many(resolvable=True)
    wide, narrow = result_text(result), result_text(result, width=80)
    assert all(f"{rate} % FPR" in wide for rate in ("10", "1", "0.1"))
    assert "in a wider terminal" not in wide
    assert "10 % FPR: in a wider terminal" in narrow
    assert "(cross-entropy)" in narrow
    # Two attacks cannot resolve 0.1 %, one can.
    assert narrow.count("n/r (") == 2
    assert "n/r: too few non-members" in narrow


def test_rich_prints_the_same_table() -> None:
    console = Console(width=110, color_system=None, record=True, file=io.StringIO())
    console.print(result_table(example()))
    assert "LEAK  The model reveals" in console.export_text()
