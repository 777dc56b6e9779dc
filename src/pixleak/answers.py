"""What ``pixleak query`` and ``pixleak set-test`` answer: saved as JSON, shown as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pixleak.results import Control, Environment, Interval, Number, Rate, SavedModel

if TYPE_CHECKING:
    from rich.console import RenderableType


class Measured(SavedModel):
    """One number of the queried record, and where it lies among reference non-members."""

    name: str
    title: str
    unit: str
    value: Number
    above: Rate | None = Field(
        default=None,
        description="share of reference non-members that look at least as much like a member",
    )
    p_value: Number | None = Field(
        default=None, description="conformal, one-sided: 'the record is one of them'"
    )


QueryAnswer = Literal["unusual", "not-unusual", "cannot-tell"]


class Query(SavedModel):
    """One record, asked about."""

    schema_version: int = 1
    title: str
    record: str
    target: str
    seed: int
    level: float = Field(description="of the p-value that the answer goes by")
    references: int = Field(description="reference non-members; 0 where there are none")
    errors: list[Measured]
    difficulties: list[Measured]
    membership_errors: list[Measured]
    decided_by: str = Field(description="the measure that the answer goes by, fixed beforehand")
    answer: QueryAnswer
    sentence: str
    cautions: list[str] = Field(description="what cannot be concluded, and why")
    environment: Environment

    def save(self, path: str | Path) -> Path:
        """Write it as JSON."""
        return _save(self, path)

    def __rich__(self) -> RenderableType:
        from pixleak.table import query_table

        return query_table(self)

    def __str__(self) -> str:
        from pixleak.table import as_text, query_table

        return as_text(query_table(self))


SetAnswer = Literal["used", "not-shown", "cannot-tell"]


class SetResult(SavedModel):
    """An owner's set against comparable records, tested."""

    schema_version: int = 1
    title: str
    target: str
    seed: int
    level: float
    owned: int = Field(description="records of the owner")
    comparable: int = Field(description="records that cannot have been used")
    owned_units: int = Field(description="independent subjects (or records) among the owner's")
    comparable_units: int
    score: str = Field(description="what was compared: higher = more likely used")
    p_value: Number = Field(description="one-sided, by permutation of whole subjects")
    smallest_p_value: Number = Field(description="that so few subjects and permutations can give")
    permutations: int
    effect: Number = Field(description="Cohen's d of the scores")
    auc: Interval
    detectable_auc: Number = Field(description="found with probability 0.8 at this level")
    controls: list[Control]
    answer: SetAnswer
    sentence: str
    environment: Environment

    def save(self, path: str | Path) -> Path:
        """Write it as JSON."""
        return _save(self, path)

    def __rich__(self) -> RenderableType:
        from pixleak.table import set_table

        return set_table(self)

    def __str__(self) -> str:
        from pixleak.table import as_text, set_table

        return as_text(set_table(self))


def _save(answer: SavedModel, path: str | Path) -> Path:
    from pixleak.files import write_whole

    path = Path(path)
    write_whole(path, (answer.model_dump_json(indent=1) + "\n").encode())
    return path
