"""The requests of ``query`` and ``set-test``: about one record, and about a set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pixleak.core.errors import setting
from pixleak.core.part import MOST_SEED, Part
from pixleak.records.readers.single import RecordFormat
from pixleak.request.given import Difficulties, RecordsGiven
from pixleak.request.target import TargetModel


class _Question(Part):
    seed: int = Field(0, ge=0, le=MOST_SEED, strict=True)
    target: TargetModel
    difficulties: Difficulties | None = Field(
        None, description="null: of generators the usual ones"
    )
    level: float = Field(0.05, gt=0, lt=0.5, description="of the p-value that the answer goes by")
    batch_size: int = Field(16, ge=1, le=1_000_000, description="records per query")

    @model_validator(mode="after")
    def _exists(self) -> _Question:
        if self.target.training is not None:
            raise ValueError(
                f"{setting('target.recipe')} trains a model; a question is about one that exists: "
                "give module, weights or function"
            )
        return self


class QueryRequest(_Question):
    """One record."""

    title: str = "Query"
    record: RecordFormat = RecordFormat()
    nonmembers: RecordsGiven | None = Field(
        None, description="comparable records that the target was not trained on"
    )
    alpha: float = Field(
        1.0, allow_inf_nan=False, description="weight of the difficulty that is subtracted"
    )


class SetTestRequest(_Question):
    """An owner's set."""

    title: str = "Set test"
    owned: RecordsGiven = Field(description="the records in question")
    comparable: RecordsGiven = Field(description="comparable records that cannot have been used")
    permutations: int = Field(10_000, ge=100, le=10_000_000)
    near_copies: Literal["one unit", "separate"] = Field(
        "one unit", description="near-identical records of a set without subjects"
    )
