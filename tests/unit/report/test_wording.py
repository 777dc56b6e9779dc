from __future__ import annotations

import math

import pytest
from tests.unit.report.runs import RunFactory

from pixleak.report.wording import (
    count,
    duration,
    meaning,
    moment,
    p_value,
    percent,
    plain,
    rate,
)
from pixleak.results import Control


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (0.12345, "0.123"),
        (-0.5, "−0.5"),
        (12345.6, "12346"),
        (1234567.0, "1.23e+06"),
        (0.0000123, "1.23e−05"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_plain_numbers(number: float, text: str) -> None:
    assert plain(number) == text


@pytest.mark.parametrize(
    ("share", "short", "even"),
    [
        (0, "0", "0.0"),
        (1, "100", "100.0"),
        (0.1234, "12.3", "12.3"),
        (0.001, "0.1", "0.1"),
        (0.0002, "0.02", "0.0"),
        (0.57, "57", "57.0"),
    ],
)
def test_shares(share: float, short: str, even: str) -> None:
    # The sign never starts a new line.
    assert percent(share) == f"{short}\xa0%"
    assert rate(share) == f"{even}\xa0%"


def test_p_values() -> None:
    assert p_value(0.0004) == "p\xa0<\xa00.001"
    assert p_value(0.0213) == "p\xa0=\xa00.021"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.23, "1.2 s"),
        (42, "42 s"),
        (59.7, "60 s"),
        (161.4, "2 min 41 s"),
        (3599.9, "1 h 0 min"),
        (7380, "2 h 3 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_moments_and_counts() -> None:
    assert moment("2025-03-14T17:09:26+02:00") == "14 March 2025, 15:09 UTC"
    assert moment("2025-03-14T15:09:26") == "14 March 2025, 15:09 UTC"
    assert moment("some day") == "some day"
    assert count(1, "member") == "1 member"
    assert count(2000, "member") == "2,000 members"


def test_a_leak_is_told_by_the_strongest_attack_that_counts() -> None:
    factory = RunFactory("leak", n=120)
    first, second = factory.parts["attacks"][:2]
    verdict = factory.parts["verdict"]
    factory.parts["verdict"] = verdict.model_copy(update={"evidence": [second.title]})

    told = meaning(factory.result())

    assert second.title in told.is_
    assert first.title not in told.is_
    assert percent(second.auc.value) in told.is_
    # 60 non-members resolve 10 %, not 1 %.
    assert f"at most {percent(0.1)}" in told.is_
    assert "only if" not in told.is_
    assert told.is_not.startswith("Not that images can be read out")


def test_a_leak_without_controls_is_conditional() -> None:
    told = meaning(RunFactory("leak", n=120).scores_only().result())

    assert "only if both groups of records were drawn alike" in told.is_


def test_nothing_found_names_the_power_and_promises_nothing() -> None:
    told = meaning(RunFactory("none-found", n=120).result())

    assert "None of 12 attacks" in told.is_
    assert "0.583" in told.is_
    assert "Not that the model is private" in told.is_not


def test_cannot_tell_names_what_failed() -> None:
    factory = RunFactory("cannot-tell", n=120)

    assert "failed: Blind baseline" in meaning(factory.result()).is_

    passed = [Control(name="blind-baseline", title="Blind", auc=None, passed=True, explanation="")]
    factory.parts["controls"] = passed
    told = meaning(factory.result())
    assert "does not allow an answer" in told.is_
    assert "no sign of safety" in told.is_not
