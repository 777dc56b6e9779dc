"""Axes of a study and their levels: each a label, and what it changes in the audit.

Known axes have shorthands (a defence's name, a number of records); of any other axis, and where
more than the shorthand must change (``overrides``), a level is a part of an audit's configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pixleak.core.errors import InputError

NONE = "none"
"""The level that changes nothing: no defence, no poison, no shadow model."""

Overrides = dict[str, Any]


@dataclass(frozen=True)
class Level:
    """One level of an axis.

    Args:
        label: what it is called in tables.
        value: what the axis is set to, in the axis' own terms.
        overrides: what changes in the audit besides.
    """

    label: str
    value: Any
    overrides: Overrides = field(default_factory=dict)


@dataclass(frozen=True)
class Axis:
    """What is varied.

    Args:
        name: of the axis.
        levels: in the order of the file; their labels differ.
    """

    name: str
    levels: tuple[Level, ...]


def axis_of(name: str, written: list[Any] | dict[str, Any]) -> Axis:
    """An axis as it stands in the file.

    Raises:
        InputError: a level cannot be understood, or two have one label.
    """
    pairs: list[tuple[str | None, Any]]
    if isinstance(written, dict):
        pairs = [(str(label), value) for label, value in written.items()]
    else:
        pairs = [(None, value) for value in written]
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
        case "defence":
            return _defence(label, value)
        case "poison":
            return _poison(label, value)
        case "victim" | "shadow":
            return _recipe(axis, label, value)
        case "training-size" | "seed":
            if isinstance(value, bool) or not isinstance(value, int):
                raise InputError(f"axes.{axis}: expected whole numbers, got {value!r}")
            return Level(str(value) if label is None else label, value)
        case "attacker":
            return Level(str(value) if label is None else label, value)
        case _:
            return _part(axis, label, value)


def _part(axis: str, label: str | None, value: Any) -> Level:
    what = "records" if axis == "records" else "settings"
    if label is None or not isinstance(value, dict):
        raise InputError(
            f"axes.{axis}: its levels need names, as in {axis}: {{one: {{{what}}}, other: "
            f"{{{what}}}}}; got {value!r}"
        )
    if axis == "records":
        rest, overrides = _split_off(axis, label, value)
        return Level(label, rest, overrides)
    return Level(label, value)


def _recipe(axis: str, label: str | None, value: Any) -> Level:
    if isinstance(value, str) and label is None:
        # The name of a network; "none" is a study without a shadow model.
        if value == NONE and axis == "shadow":
            return Level(NONE, None)
        return Level(value, {"network": value})
    if label is not None and axis == "shadow" and value in (None, NONE):
        return Level(label, None)
    if label is None or not isinstance(value, dict):
        raise InputError(
            f"axes.{axis}: a level is the name of a network, or a name with parts of a recipe, as "
            f"in {axis}: {{wide: {{network: {{name: unet}}}}}}; got {value!r}"
        )
    recipe, overrides = _split_off(axis, label, value)
    return Level(label, recipe, overrides)


def _split_off(axis: str, label: str, value: Mapping[str, Any]) -> tuple[Overrides, Overrides]:
    rest = {key: part for key, part in value.items() if key != "overrides"}
    overrides = value.get("overrides", {})
    if not isinstance(overrides, dict):
        raise InputError(f"axes.{axis}: overrides of {label!r} must be settings of an audit")
    return rest, overrides


def _method(axis: str, value: Any) -> dict[str, Any]:
    """A method by name, or by name and options, as the audit's configuration has it."""
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise InputError(
            f"axes.{axis}: a level is a name, or name with options, as in "
            f"{{name: NAME, options: {{...}}}}; got {value!r}"
        )
    if unknown := sorted(set(value) - {"name", "options"}):
        raise InputError(
            f"axes.{axis}: unknown key {unknown[0]!r} in {value!r}; known: label, name, options, "
            "overrides" + (", stack" if axis == "defence" else "")
        )
    return value


def _labelled(axis: str, label: str | None, value: Any) -> tuple[str | None, Any, Overrides]:
    """The label that a level was given, if any; the level without it; its overrides."""
    if not isinstance(value, dict):
        return label, value, {}
    rest, overrides = _split_off(axis, str(value.get("label", label or value)), value)
    given = rest.pop("label", None)
    return (str(given) if given is not None else label), rest, overrides


def _defence(label: str | None, value: Any) -> Level:
    given, rest, overrides = _labelled("defence", label, value)
    if isinstance(rest, dict) and "stack" in rest:
        if set(rest) != {"stack"} or not isinstance(rest["stack"], list):
            raise InputError(
                f"axes.defence: stack is a list of defences and stands alone, got {rest!r}"
            )
        rest = rest["stack"]
    if rest in (None, NONE, {}):
        rest = []
    stack = [_method("defence", one) for one in (rest if isinstance(rest, list) else [rest])]
    return Level(given or "+".join(map(_name, stack)) or NONE, stack, overrides)


def _poison(label: str | None, value: Any) -> Level:
    given, rest, overrides = _labelled("poison", label, value)
    if rest in (None, NONE, {}):
        return Level(given or NONE, None, overrides)
    method = _method("poison", rest)
    return Level(given or _name(method), method, overrides)


def _name(method: Mapping[str, Any]) -> str:
    """``"crop-training-32"``: the name and the values of the options."""
    options = method.get("options") or {}
    return "-".join([method["name"], *(_brief(value) for value in options.values())])


def _brief(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(_brief, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
