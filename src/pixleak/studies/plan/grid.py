"""The cells of a study: one audit for every combination of levels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.studies.plan.axes import Axis, parse_axis
from pixleak.studies.plan.cell_config import CellConfig, combine
from pixleak.studies.plan.study_config import StudyConfig
from pixleak.studies.summary.study_result import levels_in_words


@dataclass(frozen=True)
class StudyCell:
    """One audit of a study.

    Args:
        levels: axis -> label.
        config: the audit.
    """

    levels: Mapping[str, str]
    config: CellConfig

    @property
    def label(self) -> str:
        """``"argmax, seed 0"``, for people."""
        return levels_in_words(self.levels)

    @property
    def id(self) -> str:
        """Content address of its configuration, and of the version that runs it."""
        return self.config.address


@dataclass(frozen=True)
class Grid:
    """All cells of a study."""

    axes: tuple[Axis, ...]
    cells: tuple[StudyCell, ...]


def build_grid(config: StudyConfig, where: str = "study") -> Grid:
    """The cells of a study, each with a valid configuration; ``where`` names the study's file.

    Raises:
        InputError: a level or a cell is not valid, two cells are the same audit, or none is left.
    """
    axes = tuple(parse_axis(name, levels) for name, levels in config.axes.items())
    for name, entries in (("skip", config.skip), ("only", config.only)):
        for entry in entries:
            _check_selection(name, entry, axes)
    cells: dict[str, StudyCell] = {}
    for chosen in itertools.product(*(axis.levels for axis in axes)):
        by_axis = {axis.name: level for axis, level in zip(axes, chosen, strict=True)}
        levels = {axis: level.label for axis, level in by_axis.items()}
        if config.only and not any(_fits(levels, entry) for entry in config.only):
            continue
        if any(_fits(levels, entry) for entry in config.skip):
            continue
        label = levels_in_words(levels)
        content = combine(config.base, by_axis) | {"title": f"{config.title}: {label}"}
        cell = StudyCell(levels, CellConfig.parse(content, f"{where}, cell {label!r}"))
        if (same := cells.get(cell.id)) is not None:
            raise InputError(
                f"{where}: the cells {same.label!r} and {cell.label!r} are the same audit; take "
                "one of their levels away, or skip one"
            )
        cells[cell.id] = cell
    if not cells:
        raise InputError(f"{where}: skip and only leave no cell")
    return Grid(axes, tuple(cells.values()))


def _check_selection(name: str, entry: Mapping[str, Any], axes: Sequence[Axis]) -> None:
    known = {axis.name: [level.label for level in axis.levels] for axis in axes}
    for axis, labels in entry.items():
        if axis not in known:
            raise InputError(f"{name}: there is no axis {axis!r}{alternatives(axis, known)}")
        for label in _as_labels(labels):
            if label not in known[axis]:
                raise InputError(
                    f"{name}: axis {axis!r} has no level {label!r}"
                    f"{alternatives(label, known[axis])}"
                )


def _as_labels(written: Any) -> list[str]:
    return [str(one) for one in (written if isinstance(written, list) else [written])]


def _fits(levels: Mapping[str, str], entry: Mapping[str, Any]) -> bool:
    return all(levels[axis] in _as_labels(labels) for axis, labels in entry.items())
