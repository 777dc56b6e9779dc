"""Axes of a study and their levels: each a label, and what it changes in the audit.

Known axes have shorthands (a defence's name, a number of records). A level of any other axis, and
the ``overrides`` of a level that changes more than its shorthand, are settings of an audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixleak.core.errors import InputError
from pixleak.core.registry import nearest
from pixleak.studies.summary.study_result import NONE

_SHORTHANDS = (
    "attacker",
    "defence",
    "poison",
    "records",
    "seed",
    "shadow",
    "training-size",
    "victim",
)
"""Axes whose levels need no settings."""

_SPELLINGS = ("defense", "defenses", "defences")

Settings = dict[str, Any]
"""A part of an audit's configuration, as written in YAML."""


@dataclass(frozen=True)
class Level:
    """One level of an axis.

    Args:
        label: its name in tables.
        value: what the axis is set to, in the axis' own terms.
        overrides: other settings that it changes.
    """

    label: str
    value: Any
    overrides: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Axis:
    """What is varied: levels with different labels, in the order of the file."""

    name: str
    levels: tuple[Level, ...]


def parse_axis(name: str, written: list[Any] | dict[str, Any]) -> Axis:
    """An axis as written in the file.

    Raises:
        InputError: a level is not valid, or two have the same label.
    """
    pairs: list[tuple[str | None, Any]] = [(None, value) for value in written]
    if isinstance(written, dict):
        pairs = [(str(label), value) for label, value in written.items()]
    if not pairs:
        raise InputError(f"axes.{name} has no levels; give some, or leave the axis out")
    levels = tuple(_level(name, label, value) for label, value in pairs)
    labels = [level.label for level in levels]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise InputError(
            f"axes.{name}: two levels are called {twice[0]!r}; give each a label of its own"
        )
    return Axis(name, levels)


def _level(axis: str, label: str | None, value: Any) -> Level:
    match axis:
        case "defence" | "poison":
            return _method_level(axis, label, value)
        case "victim" | "shadow":
            return _recipe_level(axis, label, value)
        case "training-size" | "seed" if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"axes.{axis}: expected whole numbers, got {value!r}")
        case "training-size" | "seed" | "attacker":
            return Level(str(value) if label is None else label, value)
    if label is None or not isinstance(value, dict):
        what = "records" if axis == "records" else "settings"
        if near := nearest("defence" if axis in _SPELLINGS else axis, _SHORTHANDS):
            raise InputError(f"axes.{axis}: unknown axis {axis!r}{near}")
        raise InputError(
            f"axes.{axis}: its levels need names, as in {axis}: {{one: {{{what}}}, other: "
            f"{{{what}}}}}; got {value!r}"
        )
    if axis == "records":
        return Level(label, *_split_off(axis, label, value))
    return Level(label, value)


def _recipe_level(axis: str, label: str | None, value: Any) -> Level:
    if axis == "shadow" and (value == NONE or (value is None and label is not None)):
        return Level(label or NONE, None)
    if isinstance(value, str) and label is None:
        return Level(value, {"network": value})
    if label is None or not isinstance(value, dict):
        raise InputError(
            f"axes.{axis}: a level is the name of a network, or a name with parts of a recipe, as "
            f"in {axis}: {{wide: {{network: {{name: unet}}}}}}; got {value!r}"
        )
    return Level(label, *_split_off(axis, label, value))


def _method_level(axis: str, label: str | None, value: Any) -> Level:
    """A method, or of defences a stack of several."""
    overrides: Settings = {}
    if isinstance(value, dict):
        value, overrides = _split_off(axis, str(value.get("label", label or value)), value)
        given = value.pop("label", None)
        label = label if given is None else str(given)
        if axis == "defence" and "stack" in value:
            if set(value) != {"stack"} or not isinstance(value["stack"], list):
                raise InputError(
                    f"axes.defence: stack is a list of defences and stands alone, got {value!r}"
                )
            value = value["stack"]
    if value in (None, NONE, {}):
        value = []
    elif axis == "poison" or not isinstance(value, list):
        value = [value]
    methods = [_method(axis, one) for one in value]
    label = label or "+".join(map(_method_label, methods)) or NONE
    if axis == "poison":
        return Level(label, methods[0] if methods else None, overrides)
    return Level(label, methods, overrides)


def _split_off(axis: str, label: str, value: Mapping[str, Any]) -> tuple[Settings, Settings]:
    """A level without its overrides, and the overrides."""
    overrides = value.get("overrides", {})
    if not isinstance(overrides, dict):
        raise InputError(f"axes.{axis}: overrides of {label!r} must be settings of an audit")
    return {key: part for key, part in value.items() if key != "overrides"}, overrides


def _method(axis: str, value: Any) -> Settings:
    """A method by name, or by name and options, as the audit's configuration has it."""
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise InputError(
            f"axes.{axis}: a level is a name, or a name with options, as in "
            f"{{name: NAME, options: {{...}}}}; got {value!r}"
        )
    if unknown := sorted(set(value) - {"name", "options"}):
        raise InputError(
            f"axes.{axis}: unknown key {unknown[0]!r} in {value!r}; known: label, name, options, "
            "overrides" + (", stack" if axis == "defence" else "")
        )
    return value


def _method_label(method: Settings) -> str:
    """``"crop-training-32"``: the name and the values of the options."""
    options = method.get("options") or {}
    return "-".join([method["name"], *map(_value_label, options.values())])


def _value_label(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(_value_label, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
