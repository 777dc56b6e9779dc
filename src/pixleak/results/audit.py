"""The saved result of an audit: the one boundary between computing and reading.

``result.json`` is this model; ``scores.parquet`` beside it holds one row per record and attack;
``exhibits.npz`` the pictures of the most and least exposed records. Reports, tables and later
comparisons read only these.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from pixleak.core.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType
from pixleak.results.attacks import AttackResult
from pixleak.results.base import Number, SavedModel
from pixleak.results.controls import Control, DuplicateCheck, ShiftCheck
from pixleak.results.environment import Environment
from pixleak.results.models import ModelInfo
from pixleak.results.sections import (
    DefencesInfo,
    Epsilon,
    Exposures,
    Fidelity,
    LeaveOneOut,
    PoisonInfo,
    ReferencesInfo,
    ReserveLevel,
    Slices,
    SubjectLevel,
)
from pixleak.results.verdict import Verdict

SCHEMA_VERSION = 1


class RecordsInfo(SavedModel):
    """The records that the audit asked about."""

    name: str
    count: int
    image_shape: list[int] = Field(description="c, h, w")
    truth: dict[str, Any]
    digest: str = Field(description="SHA-256 over the prepared records")


class SplitInfo(SavedModel):
    """Who was trained on what; the ids lie in split.csv."""

    kind: str
    seed: int | None
    unit: str = Field(description="what was kept together: record, subject, group, block")
    counts: dict[str, int]
    file: str = "split.csv"


class Result(SavedModel):
    """Everything an audit found out.

    ``verdict.answer`` is ``"leak"``, ``"none-found"`` or ``"cannot-tell"``, and
    ``verdict.sentence`` says it in words. ``attacks`` holds one :class:`AttackResult` an attack
    (``attacks[0].auc.value``, ``.low``, ``.high``), ``controls`` what must find nothing. ``print``
    shows all of it as a table.
    """

    schema_version: int = SCHEMA_VERSION
    title: str
    created: str = Field(description="ISO 8601, UTC")
    seconds: Number
    timings: dict[str, Number] = Field(
        default_factory=dict, description="seconds of its phases, apart: inference, attacks, ..."
    )
    arguments: dict[str, Any] = Field(description="the configuration as it ran")
    seeds: dict[str, int]
    environment: Environment
    records: RecordsInfo | None = None
    split: SplitInfo | None = None
    models: list[ModelInfo] = Field(default_factory=list)
    defences: DefencesInfo | None = None
    attacks: list[AttackResult]
    default_attack: int = Field(
        default=0,
        ge=0,
        description="position of the attack that speaks for the audit, fixed beforehand",
    )
    controls: list[Control] = Field(default_factory=list)
    duplicates: DuplicateCheck | None = None
    shift: ShiftCheck | None = None
    exposures: Exposures | None = None
    references: ReferencesInfo | None = None
    fidelity: Fidelity | None = None
    leave_one_out: LeaveOneOut | None = None
    slices: Slices | None = None
    subjects: SubjectLevel | None = None
    reserve: ReserveLevel | None = None
    epsilon: Epsilon | None = None
    poison: PoisonInfo | None = None
    verdict: Verdict
    warnings: list[str] = Field(default_factory=list)

    def __rich__(self) -> RenderableType:
        from pixleak.report.terminal import result_table

        return result_table(self)

    def __str__(self) -> str:
        from pixleak.report.terminal import result_text

        return result_text(self)

    def to_json(self) -> str:
        """The text of ``result.json``."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Result:
        """Load ``result.json`` from a run folder.

        Raises:
            InputError: it is missing, not JSON, or of another schema version.
        """
        path = folder / "result.json"
        if not path.is_file():
            raise InputError(f"{folder} holds no result.json; give the folder of a finished run")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not valid JSON: {error}") from error
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{path} has schema version {version}, this pixleak reads {SCHEMA_VERSION}; "
                "run the audit again"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{path}: {where}: {first['msg']}") from error


def result_schema() -> dict[str, Any]:
    """The JSON Schema of ``result.json``; ``result.schema.json`` beside this file is its text."""
    schema = Result.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
