"""The saved result of a study: ``study.json``, with ``study.parquet`` beside it.

Everything shown of a study is made from these two files and the cells' run folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from pixleak.core.errors import InputError
from pixleak.results.base import Number, SavedModel
from pixleak.results.environment import Environment

STUDY_SCHEMA_VERSION = 1

NONE = "none"
"""The level that changes nothing: no defence, no poison, no shadow model."""


def levels_in_words(levels: Mapping[str, str]) -> str:
    """``"argmax, seed 0"``: the levels, with the axis' name where a level does not tell it.

    Args:
        levels: axis -> label.
    """
    return ", ".join(
        f"{axis.replace('-', ' ')} {label}"
        if label == NONE or label.replace(".", "").isdigit()
        else label
        for axis, label in levels.items()
    )


class LevelInfo(SavedModel):
    """One level of an axis."""

    label: str
    settings: Any = Field(description="what it sets the axis to")
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="other settings that it changes"
    )


class AxisInfo(SavedModel):
    """What was varied."""

    name: str
    levels: list[LevelInfo]


class CellInfo(SavedModel):
    """One audit of the grid."""

    id: str = Field(description="content address of its configuration; name of its folder")
    label: str = Field(description="its levels in words")
    levels: dict[str, str] = Field(description="axis -> label")
    folder: str = Field(description="its run folder, within the study's")
    status: Literal["finished", "failed"]
    error: str | None = Field(default=None, description="why it failed, in one sentence")
    seconds: Number | None = Field(default=None, description="wall time without the trainings")
    seeds: dict[str, int] = Field(default_factory=dict)
    timings: dict[str, Number] = Field(
        default_factory=dict, description="seconds of its phases: inference, attacks, ..."
    )


class TrainedInfo(SavedModel):
    """One trained model, possibly of several cells."""

    id: str = Field(description="content address; name of its folder among the artefacts")
    description: str
    defences: list[str]
    records: int = Field(description="number of training records")
    seconds: Number = Field(description="training time")
    cells: list[str] = Field(description="ids of the cells")
    roles: list[str] = Field(description="target, shadow, reference-0, ...")


class StudyResult(SavedModel):
    """What a study ran."""

    schema_version: int = STUDY_SCHEMA_VERSION
    title: str
    created: str = Field(description="ISO 8601, UTC")
    seconds: Number = Field(description="wall time of the run that finished it")
    arguments: dict[str, Any] = Field(description="the configuration as it ran")
    environment: Environment
    axes: list[AxisInfo]
    cells: list[CellInfo]
    models: list[TrainedInfo]
    timings: dict[str, Number] = Field(
        description="seconds of work over all runs and processes: training, inference, "
        "attack-training, attack-inference, and everything else by its name"
    )
    file: str = Field(default="study.parquet", description="one row per cell and attack")

    @property
    def failed(self) -> list[CellInfo]:
        """Cells without a result."""
        return [cell for cell in self.cells if cell.status == "failed"]

    @classmethod
    def read(cls, folder: Path) -> StudyResult:
        """Load ``study.json`` from a study's folder.

        Raises:
            InputError: it is missing, not JSON, or of another schema version.
        """
        path = folder / "study.json"
        if not path.is_file():
            raise InputError(f"{folder} holds no study.json; give the folder of a finished study")
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise InputError(f"{path} cannot be read ({first}); run the study again") from error
