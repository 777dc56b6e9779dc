"""From a study's configuration to its cells: one audit for every combination of levels.

Settings are laid over one another in this order: the base; the records; axes of the user's own;
the victim's recipe, numbers of records, poison, defence, attacker, seed; the ``overrides`` of all
levels, in the order of the axes; and last the shadow's recipe, which starts from what the victim's
has become.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.pipeline.storage.store import digest
from pixleak.request.audit import AuditConfig
from pixleak.request.file import parse_config
from pixleak.studies.plan.config import StudyConfig
from pixleak.studies.plan.levels import Axis, Level, Overrides, axis_of
from pixleak.studies.plan.merge import merged
from pixleak.version import __version__

KNOWN = ("records", "victim", "shadow", "training-size", "defence", "poison", "attacker", "seed")
"""Axes with shorthands of their own."""

FREE = ("title", "workers", "runner")
"""Settings that change nothing of what is found."""


@dataclass(frozen=True)
class Cell:
    """One audit of a study.

    Args:
        levels: axis -> label.
        config: the audit.
    """

    levels: Mapping[str, str]
    config: AuditConfig

    @property
    def label(self) -> str:
        """``"argmax, seed 0"``, for people."""
        return label_of(self.levels)

    @property
    def id(self) -> str:
        """Content address of its configuration, and of the version that runs it."""
        # Without what nobody asked for, so that a new setting leaves the ids of old cells alone.
        content = self.config.model_dump(mode="json", exclude=set(FREE), exclude_defaults=True)
        return digest({"pixleak": __version__, "audit": content})[:16]


def label_of(levels: Mapping[str, str]) -> str:
    """The levels in words; those of axes that are told by a number with the axis' name."""
    return ", ".join(
        f"{axis} {label}" if label.replace(".", "").isdigit() or label == "none" else label
        for axis, label in levels.items()
    )


@dataclass(frozen=True)
class Grid:
    """All cells of a study."""

    title: str
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]


def grid_of(config: StudyConfig, where: str = "study") -> Grid:
    """The cells of a study, each a valid configuration.

    Args:
        config: the study.
        where: the file it was read from, for messages.

    Raises:
        InputError: a level or a cell is not valid, two cells are the same audit, or none is left.
    """
    axes = tuple(axis_of(name, levels) for name, levels in config.axes.items())
    for name in ("skip", "only"):
        for entry in getattr(config, name):
            _check_selection(name, entry, axes)
    cells = []
    for chosen in itertools.product(*(axis.levels for axis in axes)):
        levels = {axis.name: level.label for axis, level in zip(axes, chosen, strict=True)}
        if config.only and not any(_fits(levels, entry) for entry in config.only):
            continue
        if any(_fits(levels, entry) for entry in config.skip):
            continue
        written = content_of(config.base, {a.name: lv for a, lv in zip(axes, chosen, strict=True)})
        written["title"] = f"{config.title}: {label_of(levels)}"
        told = f"{where}, cell {label_of(levels)!r}"
        cells.append(Cell(levels, parse_config(written, told)))
    if not cells:
        raise InputError(f"{where}: skip and only leave no cell")
    seen: dict[str, Cell] = {}
    for cell in cells:
        if cell.id in seen:
            raise InputError(
                f"{where}: the cells {seen[cell.id].label!r} and {cell.label!r} are the same "
                "audit; take one of their levels away, or skip one"
            )
        seen[cell.id] = cell
    return Grid(config.title, axes, tuple(cells))


def content_of(base: Overrides, levels: Mapping[str, Level]) -> Overrides:
    """The configuration of one cell, not yet validated.

    Args:
        base: what all cells have in common.
        levels: axis -> its level.
    """
    # Pictures of records take a pass of their own, and a study keeps many run folders.
    content: Overrides = {"exhibits": 0} | base
    if "records" in levels:
        content["records"] = levels["records"].value
    for axis, level in levels.items():
        if axis not in KNOWN:
            content = merged(content, level.value)
    if "victim" in levels:
        content = merged(content, {"target": {"recipe": levels["victim"].value}})
    if "training-size" in levels:
        content = merged(content, {"split": _sizes(content, levels["training-size"].value)})
    if "poison" in levels:
        content["poison"] = levels["poison"].value
    if "defence" in levels:
        content = merged(content, {"target": {"defences": levels["defence"].value}})
    for axis in ("attacker", "seed"):
        if axis in levels:
            content[axis] = levels[axis].value
    for level in levels.values():
        content = merged(content, level.overrides)
    if "shadow" in levels:
        content["shadow"] = _shadow(content, levels["shadow"])
    return content


def _sizes(content: Overrides, size: int) -> Overrides:
    """Members of target and shadow; non-members stay as many as the base says."""
    split = content.get("split") or {}
    sizes = {"target_members": size}
    if split.get("shadow_members") is not None:
        sizes["shadow_members"] = size
    return sizes


def _shadow(content: Overrides, level: Level) -> Overrides | None:
    if level.value is None:
        return None
    if not level.value:
        return {}
    victim = (content.get("target") or {}).get("recipe")
    return {"recipe": merged(victim or {}, level.value)}


def _check_selection(name: str, entry: Mapping[str, Any], axes: Sequence[Axis]) -> None:
    known = {axis.name: [level.label for level in axis.levels] for axis in axes}
    for axis, labels in entry.items():
        if axis not in known:
            raise InputError(f"{name}: there is no axis {axis!r}{alternatives(axis, known)}")
        for label in _labels(labels):
            if label not in known[axis]:
                raise InputError(
                    f"{name}: axis {axis!r} has no level {label!r}"
                    f"{alternatives(label, known[axis])}"
                )


def _labels(written: Any) -> list[str]:
    return [str(one) for one in (written if isinstance(written, list) else [written])]


def _fits(levels: Mapping[str, str], entry: Mapping[str, Any]) -> bool:
    return all(levels[axis] in _labels(labels) for axis, labels in entry.items())
