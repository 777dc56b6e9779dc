"""The answer of an audit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pixleak.results.base import Number, SavedModel


class Verdict(SavedModel):
    """The answer, by the written rule in pixleak.evaluation.verdict.rule."""

    answer: Literal["leak", "none-found", "cannot-tell"]
    sentence: str = Field(description="the answer in one plain sentence")
    reasons: list[str]
    evidence: list[str] = Field(description="attacks that found a leak and passed their control")
    detectable_auc: Number = Field(
        description="the smallest AUC that this many records would show with power 0.8"
    )
    level: float = Field(description="family-wise level of the tests")
