"""The table in the terminal."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console

from pixleak.evaluation.evaluate import evaluate
from pixleak.results import Control, Interval, Result


def example() -> Result:
    member = np.arange(400) < 200
    scores = np.random.default_rng(0).normal(size=400) + 1.5 * member
    return evaluate(scores, member, title="Trial [one]")


def test_the_verdict_comes_first_and_every_figure_has_its_interval() -> None:
    result = example()
    lines = str(result).splitlines()
    assert lines[0] == "Trial [one]"
    assert lines[1].startswith("LEAK  The model leaks")
    row = next(line for line in lines if line.startswith("Given scores *"))
    attack = result.attacks[0]
    assert f"{attack.auc.value:.2f} [{attack.auc.low:.2f}, {attack.auc.high:.2f}]" in row
    first = attack.tpr_at_fpr[0]
    assert f"{100 * first.value:.1f} [{100 * first.low:.0f}, {100 * first.high:.0f}]" in row
    # 0.1 % of 200 non-members cannot be resolved: counts only.
    assert f"n/r ({attack.tpr_at_fpr[2].successes}/200)" in row
    assert lines[-1].startswith("n/r: too few non-members")
    assert "AUC on an" not in str(result)


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
    text = str(shown)
    assert text.index("Blind [b]") < text.index("Given scores *")
    assert "0.50 [0.40, 0.60]  failed" in text
    assert "not run" in text
    assert "untrained model" in text
    assert text.splitlines()[-1] == "Warning: Mind the step."


def test_rich_prints_the_same_table() -> None:
    console = Console(width=110, color_system=None, record=True, file=io.StringIO())
    console.print(example())
    assert "LEAK  The model leaks" in console.export_text()
