"""Building blocks of what is saved: intervals, rates, and numbers that may be infinite.

Infinite numbers are written as the strings ``"Infinity"`` and ``"-Infinity"``, since JSON has none;
NaN never occurs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from pixleak.core.whole_files import write_whole


def _not_nan(value: float) -> float:
    if value != value:
        raise ValueError("NaN is not a result: leave the field out, or say why it is missing")
    return value


Number = Annotated[
    float,
    AfterValidator(_not_nan),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["Infinity", "-Infinity"]}]}),
]


class SavedModel(BaseModel):
    """What is written as JSON: strict about unknown fields, infinite numbers as words."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings", frozen=True)


class Interval(SavedModel):
    """An estimate with its two-sided interval."""

    value: Number
    low: Number
    high: Number
    level: float = Field(default=0.95, description="coverage of the interval")
    method: str = Field(description="how the interval was made, 'bootstrap by subject', ...")


class Rate(SavedModel):
    """A share of trials with its Clopper-Pearson interval."""

    value: Number
    low: Number
    high: Number
    successes: int
    trials: int


class PositivePredictiveValue(SavedModel):
    """Share of members among the records called members, if ``prior`` of all were members."""

    prior: float = Field(description="assumed share of members among the records in question")
    value: Number
    low: Number
    high: Number


class TprAtFpr(SavedModel):
    """True positive rate at the lowest threshold that keeps the FPR at most ``fpr``."""

    fpr: float
    value: Number
    low: Number
    high: Number
    successes: int = Field(description="members above the threshold")
    trials: int = Field(description="members")
    false_positives: int
    nonmembers: int
    threshold: Number = Field(description="a record with score > threshold is called a member")
    resolvable: bool = Field(
        description="whether there are enough non-members for this rate to mean anything: "
        "fpr * nonmembers >= 1"
    )
    p_value: Number = Field(
        default=1.0, description="one-sided p-value of 'no more members found than by chance'"
    )
    ppv: list[PositivePredictiveValue] = Field(
        default_factory=list,
        description="positive predictive value at this threshold, prior by prior",
    )


def write_answer(answer: SavedModel, path: str | Path) -> Path:
    """Write an answer as indented JSON."""
    path = Path(path)
    write_whole(path, (answer.model_dump_json(indent=1) + "\n").encode())
    return path
