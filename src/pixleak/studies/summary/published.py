"""Figures from a paper beside ours: their difference, and whether ours' interval holds theirs.

A study's file names a CSV of what was published::

    published:
      file: reported.csv                       # relative to the study's file
      source: Chobola et al. 2022, table 5     # what the page calls it
      columns:                                 # of the file, by what they are here
        defence: defence                       # any axis of the study
        attack: attack
        accuracy: accuracy_last10              # or auc: ..., or both
      labels:                                  # what our labels are called there
        defence: {none: No defense, argmax: Argmax}
        attack: {Type-I: Type-I, global loss: Global-loss}
      where: {table: table5}                   # only these lines

``published: reported.csv`` is short for a file with the columns ``defence``, ``attack`` and
``accuracy`` whose labels are ours.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.studies.output.layout import Cell, Table, figure
from pixleak.studies.output.table import Entry, as_csv, columns_of
from pixleak.studies.summary.seeds import Estimate

FIGURES = ("accuracy", "auc")


class Published(BaseModel):
    """Where published figures stand, and how they are called there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path = Field(description="CSV with a line a figure")
    source: str = Field("published", description="what the page calls them")
    columns: dict[str, str] = Field(
        {"defence": "defence", "attack": "attack", "accuracy": "accuracy"},
        description="axis, attack, accuracy or auc -> column of the file",
    )
    labels: dict[str, dict[str, str]] = Field(
        {}, description="axis or attack -> our label -> theirs; ours where not named"
    )
    where: dict[str, str] = Field({}, description="column -> value that a line must have")

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, written: Any) -> Any:
        return {"file": written} if isinstance(written, str | Path) else written


@dataclass(frozen=True)
class Comparison:
    """One published figure beside ours.

    Args:
        entry: ours.
        figure: ``"accuracy"`` or ``"auc"``.
        ours: over seeds.
        theirs: as published.
    """

    entry: Entry
    figure: str
    ours: Estimate
    theirs: float

    @property
    def gap(self) -> float:
        """Ours less theirs."""
        return self.ours.value - self.theirs

    @property
    def held(self) -> bool | None:
        """Whether our interval holds theirs; None where we have no interval."""
        if self.ours.low is None or self.ours.high is None:
            return None
        return self.ours.holds(self.theirs)


def compared(found: Sequence[Entry], published: Published, path: Path) -> list[Comparison]:
    """All figures that both have.

    Args:
        found: ours.
        published: how to read the file.
        path: where the file lies now.

    Raises:
        InputError: the file cannot be read, lacks a column, holds something that is no share, or
            two lines for one figure.
    """
    lines = lines_of(published, path)
    figures = [name for name in FIGURES if name in published.columns]
    keys = [name for name in published.columns if name not in FIGURES]
    by_key: dict[tuple[str, ...], Mapping[str, str]] = {}
    for each in lines:
        key = tuple(each[published.columns[name]].strip() for name in keys)
        if key in by_key:
            raise InputError(
                f"{path} has two lines for {', '.join(key)}; tell them apart by published.where, "
                "or by another column in published.columns"
            )
        by_key[key] = each
    out = []
    for entry in found:
        line = by_key.get(tuple(_theirs(entry, name, published) for name in keys), {})
        for name in figures if line else ():
            ours: Estimate | None = getattr(entry, name)
            text = line[published.columns[name]].strip()
            if ours is not None and text:
                out.append(Comparison(entry, name, ours, _share(text, path)))
    return out


def _theirs(entry: Entry, name: str, published: Published) -> str:
    ours = entry.column if name == "attack" else entry.condition.levels.get(name, "")
    return published.labels.get(name, {}).get(ours, ours)


def lines_of(published: Published, path: Path) -> list[dict[str, str]]:
    """The lines of the file that are meant.

    Raises:
        InputError: no column is named for the attack or for any figure; or the file cannot be
            read, or lacks a column.
    """
    if "attack" not in published.columns or not set(FIGURES) & set(published.columns):
        raise InputError(
            "published.columns must name the columns of attack and of accuracy or auc, as in "
            "{defence: defence, attack: attack, accuracy: accuracy}"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = list(reader.fieldnames or ())
            lines = list(reader)
    except FileNotFoundError:
        raise InputError(f"published.file {path} does not exist; give the path of a CSV") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"published.file {path} cannot be read as CSV: {error}") from error
    for column in (*published.columns.values(), *published.where):
        if column not in names:
            raise InputError(f"{path} has no column {column!r}{alternatives(column, names)}")
    for line in lines:
        if None in line or None in line.values():
            raise InputError(f"{path}: a line has not as many fields as the first; mend it")
    return [
        line
        for line in lines
        if all(line[column].strip() == value for column, value in published.where.items())
    ]


def _share(text: str, path: Path) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise InputError(f"{path}: expected numbers from 0 to 1, got {text!r}")
    return number


def published_table(found: Sequence[Comparison], published: Published) -> Table:
    """A row a figure that both have."""
    axes = [name for name in published.columns if name not in (*FIGURES, "attack")]
    words = {True: "yes", False: "no", None: "no interval"}
    rows = [
        (
            *(Cell(one.entry.condition.levels.get(axis, "")) for axis in axes),
            Cell(one.entry.column),
            Cell({"auc": "AUC"}.get(one.figure, one.figure)),
            figure(one.ours),
            Cell(f"{one.theirs:.3f}"),
            Cell(f"{one.gap:+.3f}".replace("-", "−")),
            Cell(words[one.held]),
        )
        for one in found
    ]
    head = (*(axis.replace("-", " ").capitalize() for axis in axes), "Attack", "Figure", "Ours")
    head += ("Published", "Ours less published", "In our interval")
    held = sum(one.held is True for one in found)
    return Table(
        "published",
        f"Ours beside {published.source}",
        head,
        tuple(rows),
        (
            f"Our interval holds {held} of {len(found)} published figures. It covers our seeds and "
            "records, not theirs: a published figure of one run varies about as much again.",
        ),
    )


def published_csv(found: Sequence[Comparison]) -> str:
    """The same as numbers."""
    lines: list[dict[str, object]] = []
    for one in found:
        line: dict[str, object] = dict(one.entry.condition.levels)
        line |= {"attack": one.entry.column, "figure": one.figure}
        line |= columns_of("ours", one.ours)
        line |= {"published": one.theirs, "difference": round(one.gap, 6)}
        line["held"] = "" if one.held is None else one.held
        lines.append(line)
    return as_csv(lines)
