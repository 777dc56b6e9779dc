from __future__ import annotations

import math

import pytest

from pixleak.results.numbers import (
    count,
    duration,
    moment,
    p_value,
    percent,
    plain,
    rate,
    unbroken,
)


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


def test_percent_signs_stay_with_their_numbers() -> None:
    assert unbroken("5 % [1 %, 9.5 %]") == "5\xa0% [1\xa0%, 9.5\xa0%]"


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
