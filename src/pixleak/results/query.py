"""What ``pixleak query`` answers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pixleak.results.base import Number, Rate, SavedModel, write_answer
from pixleak.results.environment import Environment


class QueryMeasure(SavedModel):
    """One measure of the queried record, and where it lies among reference non-members."""

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
    errors: list[QueryMeasure]
    difficulties: list[QueryMeasure]
    membership_errors: list[QueryMeasure]
    decided_by: str = Field(description="the measure that the answer goes by, fixed beforehand")
    answer: QueryAnswer
    sentence: str
    cautions: list[str] = Field(description="what cannot be concluded, and why")
    environment: Environment

    def save(self, path: str | Path) -> Path:
        """Write it as JSON."""
        return write_answer(self, path)
