"""What a folder looks like, in words and as a part of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pixleak.records.survey.contents import Contents
from pixleak.records.survey.suggestions import Suggestion

_LISTED = 20  # problems
_LABELS = 12  # values with their counts


def rows_about(suggestion: Suggestion, found: Contents) -> list[tuple[str, str]]:
    """What was found, as words with their values.

    Args:
        suggestion: the reader.
        found: in its records.
    """
    rows = [
        (
            "reader",
            f"{suggestion.kind.name} ({suggestion.seen.strength}): {suggestion.seen.evidence}",
        ),
    ]
    if not found.count:
        return rows
    rest = "" if found.read == found.count else f", of which {found.read} were read"
    rows.append(("records", f"{found.count}{rest}"))
    rows.append(("subjects", "not known" if found.subjects is None else str(found.subjects)))
    if found.truth:
        rows.append(("truths", found.truth))
    else:
        rows.append(("classes", _classes_told(found)))
    if found.sizes:
        rows.append(("sizes", _sizes_told(found)))
    if found.values:
        rows.append(("values", found.values))
    return rows


def _classes_told(found: Contents) -> str:
    counts = sorted(found.labels.items())
    listed = ", ".join(f"{value} in {count}" for value, count in counts[:_LABELS])
    more = ", ..." if len(counts) > _LABELS else ""
    return f"{found.settings.get('classes', 'not known')} (labels: {listed}{more} masks)"


def _sizes_told(found: Contents) -> str:
    """Smallest, median and largest, by the number of pixels; height x width."""
    every = sorted(found.sizes.elements(), key=lambda size: (size[0] * size[1], size))
    if len(found.sizes) == 1:
        return f"{_size(every[0])}, all alike"
    low, middle, high = every[0], every[len(every) // 2], every[-1]
    return (
        f"{_size(low)} (least), {_size(middle)} (median), {_size(high)} (most); "
        f"{len(found.sizes)} different"
    )


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def wrong(found: Contents) -> list[str]:
    """What is wrong, cut off after some."""
    more = len(found.problems) - _LISTED
    return [*found.problems[:_LISTED], *([f"and {more} more"] if more > 0 else [])]


def as_yaml(suggestion: Suggestion, found: Contents) -> str:
    """The part of a configuration that reads the folder."""
    content = {"reader": suggestion.kind.name, **_plain(found.settings)}
    text = yaml.safe_dump(
        {"records": content}, sort_keys=False, default_flow_style=False, width=100
    )
    if len(found.sizes) > 1 and "size" in suggestion.kind.model_fields:
        height, width = sorted(found.sizes.elements())[sum(found.sizes.values()) // 2]
        text += f"  size: [{height}, {width}]  # sizes differ, and models are trained at one\n"
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value
