"""What ``pixleak query`` answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pixleak.results.base import Number, Rate, SavedModel
from pixleak.results.environment import Environment

if TYPE_CHECKING:
    from rich.console import RenderableType
from pixleak.results.base import _save


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
        from pixleak.report.terminal import query_table

        return query_table(self)

    def __str__(self) -> str:
        from pixleak.report.terminal import as_text, query_table

        return as_text(query_table(self))
