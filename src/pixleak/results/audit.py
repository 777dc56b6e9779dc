"""The saved result of an audit: the one boundary between computing and reading.

``result.json`` is this model; ``scores.parquet`` beside it holds one row per record and attack.
What the analyses found are its sections, each by the name of its analysis
(:mod:`pixleak.analyses`); an analysis may leave files of its own beside it. Reports, tables and
later comparisons read only the run folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from pixleak.core.errors import InputError
from pixleak.results.attacks import AttackResult
from pixleak.results.base import Number, SavedModel
from pixleak.results.controls import Control, DuplicateCheck, NearCopies, ShiftCheck
from pixleak.results.environment import Environment
from pixleak.results.models import ModelInfo
from pixleak.results.sections import SavedSection, Section
from pixleak.results.verdict import Verdict

SCHEMA_VERSION = 2

S = TypeVar("S", bound=Section)


def _kept(value: object) -> object:
    return SavedSection.model_validate(value) if isinstance(value, dict) else value


class RecordsInfo(SavedModel):
    """The records that the audit asked about."""

    name: str
    count: int
    image_shape: list[int] = Field(
        description="c, h, w; of the image of median size where they differ"
    )
    image_sizes: int = Field(1, description="number of different heights and widths")
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
    ``verdict.sentence`` says it in words. ``attacks`` holds one :class:`AttackResult` per attack
    (``attacks[0].auc.value``, ``.low``, ``.high``), ``controls`` what must find nothing, and
    ``sections`` what the analyses found; :meth:`section` gives one of them.
    """

    schema_version: int = SCHEMA_VERSION
    title: str
    created: str = Field(description="ISO 8601, UTC")
    seconds: Number
    timings: dict[str, Number] = Field(
        default_factory=dict, description="seconds of each phase: inference, attacks, ..."
    )
    arguments: dict[str, Any] = Field(description="the configuration as it ran")
    seeds: dict[str, int]
    environment: Environment
    records: RecordsInfo | None = None
    split: SplitInfo | None = None
    models: list[ModelInfo] = Field(default_factory=list)
    attacks: list[AttackResult]
    default_attack: int = Field(
        default=0,
        ge=0,
        description="position of the attack that speaks for the audit, fixed beforehand",
    )
    controls: list[Control] = Field(default_factory=list)
    duplicates: DuplicateCheck | None = None
    near_copies: NearCopies | None = None
    shift: ShiftCheck | None = None
    sections: dict[str, Annotated[SerializeAsAny[Section], BeforeValidator(_kept)]] = Field(
        default_factory=dict,
        description="what each analysis found, by its name, in the order of the report",
    )
    verdict: Verdict
    warnings: list[str] = Field(default_factory=list)

    def section(self, kind: type[S]) -> S | None:
        """What one analysis found, or None where it found nothing to say.

        Args:
            kind: the model of the section, such as
                :class:`pixleak.results.sections.LeaveOneOut`.

        Raises:
            InputError: the saved section does not fit the model.
        """
        found = self.sections.get(kind.name)
        if found is None or isinstance(found, kind):
            return found
        try:
            return kind.model_validate(found.model_dump())
        except ValidationError as error:
            raise InputError(
                f"section {kind.name!r} does not fit its analysis, {_first(error)}; it was written "
                "by another version of that analysis: run the audit again"
            ) from error

    def to_json(self) -> str:
        """The text of ``result.json``."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def read(cls, folder: str | Path) -> Result:
        """Load ``result.json`` from a run folder.

        Raises:
            InputError: it is missing, not JSON, or of another schema version.
        """
        path = Path(folder) / "result.json"
        if not path.is_file():
            raise InputError(f"{folder} holds no result.json; give the folder of a finished run")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not valid JSON: {error}") from error
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(f"{path} has schema version {version}, {_HOW_TO_GO_ON}")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise InputError(f"{path}: {_first(error)}") from error


_HOW_TO_GO_ON = (
    f"this pixleak reads {SCHEMA_VERSION}: run the audit again with the same command, which uses "
    "the models and signals in the run's artefacts again where nothing that determines them, the "
    "version of pixleak included, has changed"
)


def _first(error: ValidationError) -> str:
    """The first complaint: where, and what."""
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
