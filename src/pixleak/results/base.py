"""Building blocks of what is saved: intervals, rates, and numbers that may be infinite.

Infinite numbers are written as the strings ``"Infinity"`` and ``"-Infinity"``, since JSON has none;
NaN never occurs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from pixleak.core.disk.whole_files import check_file, set_aside, write_whole
from pixleak.core.errors import InputError


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
    """Write an answer as indented JSON; another answer there is moved to ``earlier/`` beside it.

    Raises:
        InputError: the file cannot be written, or holds something else than an answer.
    """
    if not isinstance(path, str | Path) or not str(path):
        raise InputError(f"path must be the name of a file, got {path!r}")
    path = Path(path)
    text = answer.model_dump_json(indent=1) + "\n"
    check_answer_file(path)
    if path.is_file() and _asked(path.read_text(encoding="utf-8")) != _asked(text):
        set_aside([path])
    write_whole(path, text.encode())
    return path


def check_answer_file(path: Path) -> None:
    """Refuse a file that an answer cannot be written to, before there is an answer.

    Raises:
        InputError: the file cannot be written, or holds something else than an answer.
    """
    check_file(path)
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"schema_version", "answer"} <= set(content):
        raise InputError(
            f"{path} exists, and is no answer that pixleak wrote: name another file, or remove it"
        )


def _asked(text: str) -> dict[str, object]:
    """An answer without what differs from one machine to the next."""
    content = json.loads(text) if text.strip() else {}
    return {key: value for key, value in content.items() if key != "environment"}
