"""Comparison with published figures: the difference, and whether our interval contains theirs.

A study's file names a CSV of published figures::

    published:
      file: reported.csv                       # relative to the study's file
      source: Chobola et al. 2022, table 5     # its name on the page
      columns:                                 # our name -> column of the file
        defence: defence                       # any axis of the study
        attack: attack
        accuracy: accuracy_last10              # or auc: ..., or both
      labels:                                  # our label -> theirs
        defence: {none: No defense, argmax: Argmax}
        attack: {Type-I: Type-I, global loss: Global-loss}
      where: {table: table5}                   # only these lines

``published: reported.csv`` is short for a file with the columns ``defence``, ``attack`` and
``accuracy`` that uses our labels.
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
from pixleak.studies.summary.attack_columns import AttackSummary
from pixleak.studies.summary.seed_estimates import Estimate

FIGURES = ("accuracy", "auc")


class PublishedFile(BaseModel):
    """A file of published figures, and how to read it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path = Field(description="CSV with one line per condition and attack")
    source: str = Field("published", description="its name on the page")
    columns: dict[str, str] = Field(
        {"defence": "defence", "attack": "attack", "accuracy": "accuracy"},
        description="axis, attack, accuracy or auc -> column of the file",
    )
    labels: dict[str, dict[str, str]] = Field(
        {}, description="axis or attack -> our label -> theirs; equal where not named"
    )
    where: dict[str, str] = Field({}, description="column -> value that a line must have")

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, written: Any) -> Any:
        return {"file": written} if isinstance(written, str | Path) else written

    @property
    def figures(self) -> list[str]:
        """The figures that the file has."""
        return [name for name in FIGURES if name in self.columns]

    @property
    def keys(self) -> list[str]:
        """The axes, and ``attack``, that identify a line."""
        return [name for name in self.columns if name not in FIGURES]


@dataclass(frozen=True)
class PublishedComparison:
    """A published figure and ours.

    Args:
        summary: our attack.
        figure: ``"accuracy"`` or ``"auc"``.
        ours: over seeds.
        theirs: as published.
    """

    summary: AttackSummary
    figure: str
    ours: Estimate
    theirs: float

    @property
    def difference(self) -> float:
        """Ours minus theirs."""
        return self.ours.value - self.theirs

    @property
    def contained(self) -> bool | None:
        """Whether our interval contains theirs; None without an interval."""
        return None if self.ours.ends is None else self.ours.contains(self.theirs)


def compare_with_published(
    summaries: Sequence[AttackSummary], published: PublishedFile, path: Path
) -> list[PublishedComparison]:
    """All figures that both have; ``path`` is where the file is now.

    Raises:
        InputError: the file cannot be read, lacks a column, has a figure that is not a share, or
            two lines for one figure.
    """
    lines: dict[tuple[str, ...], Mapping[str, str]] = {}
    for line in read_lines(published, path):
        key = tuple(line[published.columns[name]].strip() for name in published.keys)
        if key in lines:
            raise InputError(
                f"{path} has two lines for {', '.join(key)}; tell them apart by published.where, "
                "or by another column in published.columns"
            )
        lines[key] = line
    found = []
    for summary in summaries:
        own = {**summary.condition.levels, "attack": summary.column}
        ours = {name: own.get(name, "") for name in published.keys}
        key = tuple(published.labels.get(n, {}).get(label, label) for n, label in ours.items())
        for figure in published.figures if key in lines else ():
            estimate: Estimate | None = getattr(summary, figure)
            text = lines[key][published.columns[figure]].strip()
            if estimate is not None and text:
                theirs = _share(text, path)
                found.append(PublishedComparison(summary, figure, estimate, theirs))
    return found


def read_lines(published: PublishedFile, path: Path) -> list[dict[str, str]]:
    """The lines of the file that ``where`` selects.

    Raises:
        InputError: no column is named for the attack or for any figure; or the file cannot be
            read, or lacks a column.
    """
    if "attack" not in published.keys or not published.figures:
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
    if any(None in line or None in line.values() for line in lines):
        raise InputError(f"{path}: every line needs as many fields as the first; correct it")
    where = published.where.items()
    return [line for line in lines if all(line[name].strip() == value for name, value in where)]


def _share(text: str, path: Path) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise InputError(f"{path}: expected numbers from 0 to 1, got {text!r}")
    return number
