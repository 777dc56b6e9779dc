"""How numbers are written for readers."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from pixleak.results.base import Interval, Rate, TprAtFpr

#: A percent sign after a space that no line breaks at.
PERCENT = "\N{NO-BREAK SPACE}%"


def plain(number: float, digits: int = 3) -> str:
    """A number for a reader: 3 significant digits, a real minus sign, ∞ spelled as such."""
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    text = f"{number:.{digits}g}"
    if "e" in text and 1e-4 <= abs(number) < 1e6:
        text = f"{number:.0f}"
    return text.replace("-", "−")


def percent(share: float) -> str:
    """A share as a percentage: one decimal, none where it is a whole number."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    if text == "0" and share > 0:
        text = f"{100 * share:.1g}"
    return text + PERCENT


def rate(share: float) -> str:
    """A share as a percentage with always one decimal, for columns of them."""
    return f"{100 * share:.1f}{PERCENT}"


def rate_range(interval: Interval | Rate | TprAtFpr) -> str:
    """Both ends of the interval of a share."""
    return f"{100 * interval.low:.1f}–{rate(interval.high)}"


def unbroken(text: str) -> str:
    """A sentence whose percent signs stay with their numbers."""
    return text.replace(" %", PERCENT)


def area(value: float) -> str:
    """An AUC, a balanced accuracy, a Dice coefficient: three decimals."""
    return f"{value:.3f}".replace("-", "−")


def area_range(interval: Interval) -> str:
    """Both ends of an interval of an area."""
    return f"{area(interval.low)}–{area(interval.high)}"


def p_value(value: float) -> str:
    """``p = 0.012``, or that it is below what matters; never broken across lines."""
    text = "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def duration(seconds: float) -> str:
    """``2 min 41 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def moment(created: str) -> str:
    """``22 November 2026, 10:33 UTC``, or the text itself where it is no time."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return created
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def count(number: int, singular: str) -> str:
    """``1 member``, ``2,000 members``."""
    return f"{number:,} {singular}{'' if number == 1 else 's'}"
