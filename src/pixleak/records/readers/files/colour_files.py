"""Files that list the colours of classes, as data sets and annotation tools write them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pixleak.core.errors import InputError

Colour = tuple[int, int, int]
_MOST_BYTES = 1 << 20
_BANDS = (("r", "red"), ("g", "green"), ("b", "blue"))
_LABELS = ("label", "id", "index", "class_id", "class", "value", "trainid")
_COLOURS = ("color", "colour", "rgb", "hex")
_FORMS = (
    "a CSV with the columns name, r, g, b and, if labels are not the order of the lines, label; a "
    "JSON object of colour: label, or list of objects with color; lines of `name r g b` or "
    "`r g b name`; a label description of ITK-SNAP"
)


def colours_from_file(path: Path) -> tuple[tuple[Colour, int], ...]:
    """(colour, label) pairs that a file lists.

    Where it names no labels, they are the order of its lines, from 0.

    Args:
        path: of a CSV with a header (``name,r,g,b``, perhaps with ``label``; an ImageJ table
            ``Index Red Green Blue``), a JSON file (``{"#ff0000": 1}``, ``{"car": [64, 0, 128]}``,
            or a list of objects with ``color`` and perhaps ``label``), lines of ``name r g b`` or
            ``r g b name``, CVAT's ``name:r,g,b::``, or ITK-SNAP's
            ``1 255 0 0 1 1 1 "liver"``.

    Raises:
        InputError: the file is missing, in no such form, lists a colour twice, or its numbers are
            no colours.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is too large for a list of colours (more than 1 MiB)")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the list of colours {path} cannot be read: {error}") from error
    if path.suffix.lower() == ".json":
        rows = list(_of_json(path, text))
    else:
        rows = _of_lines(path, text)
    if not rows:
        raise InputError(f"{path} lists no colours; expected {_FORMS}")
    return _checked(path, rows)


_Row = tuple[str, Sequence[Any], Any]
"""Where it stands, (red, green, blue), and the label or None."""


def _checked(path: Path, rows: Sequence[_Row]) -> tuple[tuple[Colour, int], ...]:
    lacking = [where for where, _, label in rows if label is None]
    if lacking and len(lacking) < len(rows):
        raise InputError(f"{path}, {lacking[0]}: there is no label, though others have one")
    found: dict[Colour, tuple[int, str]] = {}
    for order, (where, given, label) in enumerate(rows):
        colour = _colour(path, where, given)
        number = order if label is None else _number(label)
        if number is None or number < 0:
            raise InputError(f"{path}, {where}: label {label!r} is no whole number from 0 on")
        if colour in found and found[colour][0] != number:
            raise InputError(
                f"{path}, {where}: the colour {colour} has label {number}, and in "
                f"{found[colour][1]} label {found[colour][0]}; a colour can have one label"
            )
        found.setdefault(colour, (number, where))
    return tuple((colour, label) for colour, (label, _) in found.items())


def _number(text: object) -> int | None:
    if isinstance(text, bool):
        return None
    if isinstance(text, int):
        return text
    return int(text) if isinstance(text, str) and re.fullmatch(r"\s*-?\d+\s*", text) else None


def _colour(path: Path, where: str, given: Sequence[Any]) -> Colour:
    numbers = [_number(one) for one in given]
    if len(numbers) != 3 or any(one is None or not 0 <= one <= 255 for one in numbers):
        raise InputError(
            f"{path}, {where}: {', '.join(map(str, given))!r} is no colour; expected red, green "
            "and blue of 0 to 255 each"
        )
    red, green, blue = (one for one in numbers if one is not None)
    return red, green, blue


def _parts(value: object) -> Sequence[Any]:
    """Red, green and blue of a list, "#ff0000" or "255, 0, 0"; anything else as it is."""
    if isinstance(value, list):
        return value
    text = str(value).strip()
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return [int(text[at : at + 2], 16) for at in (1, 3, 5)]
    return [one for one in re.split(r"[\s,;]+", text.strip("()[]")) if one]


def _of_json(path: Path, text: str) -> Iterator[_Row]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the list of colours {path} is no JSON: {error}") from error
    if isinstance(content, Mapping):
        for key, value in content.items():
            where = f"key {key!r}"
            if isinstance(value, Mapping):
                yield _of_object(path, where, value)
            elif isinstance(value, list) or (isinstance(value, str) and _number(value) is None):
                yield where, _parts(value), None
            else:
                yield where, _parts(key), value
    elif isinstance(content, list):
        for order, one in enumerate(content):
            if isinstance(one, Mapping):
                yield _of_object(path, f"entry {order}", one)
            else:
                yield f"entry {order}", _parts(one), None
    else:
        raise InputError(f"{path} holds neither an object nor a list; expected {_FORMS}")


def _of_object(path: Path, where: str, content: Mapping[Any, Any]) -> _Row:
    lower = {str(key).lower(): value for key, value in content.items()}
    label = next((lower[key] for key in _LABELS if _number(lower.get(key)) is not None), None)
    colour = next((lower[key] for key in _COLOURS if key in lower), None)
    if colour is None:
        bands = [next((lower[one] for one in names if one in lower), None) for names in _BANDS]
        if None in bands:
            raise InputError(
                f"{path}, {where}: there is no colour (color, or r, g and b) among "
                f"{', '.join(map(str, content))}"
            )
        colour = bands
    return where, _parts(colour), label


def _of_lines(path: Path, text: str) -> list[_Row]:
    lines = [
        (f"line {number}", line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.strip().startswith(("#", "//", "%"))
    ]
    if not lines:
        return []
    head = _split(lines[0][1])
    names = [one.strip().lower() for one in head]
    at = [next((names.index(one) for one in band if one in names), None) for band in _BANDS]
    if None not in at:
        rows: list[_Row] = []
        label = next((names.index(one) for one in _LABELS if one in names), None)
        for where, line in lines[1:]:
            cells = _split(line)
            if len(cells) != len(head):
                raise InputError(
                    f"{path}, {where}: {len(cells)} columns, but the header has {len(head)}"
                )
            numbered = None if label is None else cells[label]
            if (
                label is not None
                and names[label] in ("class", "label")
                and not _all_numbers(
                    [_split(other)[label] for _, other in lines[1:] if len(_split(other)) > label]
                )
            ):
                numbered = None  # the column holds names
            rows.append((where, [cells[i] for i in at if i is not None], numbered))
        return rows
    return [_of_line(path, where, line) for where, line in lines]


def _all_numbers(cells: Sequence[str]) -> bool:
    return all(_number(one) is not None for one in cells)


def _split(line: str) -> list[str]:
    for mark in (",", ";", "\t"):
        if mark in line:
            return [one.strip() for one in next(csv.reader([line], delimiter=mark))]
    return line.split()


_SNAP = re.compile(r"(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+[\d.]+\s+[01]\s+[01]\s+\".*\"")
_CVAT = re.compile(r"[^:]*:\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*(:[^:]*){0,2}")


def _of_line(path: Path, where: str, line: str) -> _Row:
    if snap := _SNAP.fullmatch(line):
        return where, snap.groups()[1:4], snap[1]
    if cvat := _CVAT.fullmatch(line):
        return where, cvat.groups()[:3], None
    cells = [one for one in re.split(r"[\s,;:]+", line) if one]
    numbers = [_number(one) is not None for one in cells]
    for start in (0, len(cells) - 3):
        named = cells[:start] + cells[start + 3 :]
        if len(cells) >= 4 and all(numbers[start : start + 3]) and not _all_numbers(named):
            return where, cells[start : start + 3], None
    if len(cells) == 3 and all(numbers):
        return where, cells, None
    raise InputError(f"{path}, {where}: {line!r} is no name with a colour; expected {_FORMS}")
