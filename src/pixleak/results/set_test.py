"""What ``pixleak set-test`` answers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pixleak.results.base import Interval, Number, SavedModel, write_answer
from pixleak.results.controls import Control, NearCopies
from pixleak.results.environment import Environment

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
    owned_units: int = Field(description="independent subjects, clusters of copies, or records")
    comparable_units: int
    score: str = Field(description="what was compared: higher = more likely used")
    p_value: Number = Field(description="one-sided, by permutation of whole units")
    smallest_p_value: Number = Field(
        description="the smallest that so few subjects and permutations can give"
    )
    permutations: int
    effect: Number = Field(description="Cohen's d of the scores")
    auc: Interval
    detectable_auc: Number = Field(description="found with probability 0.8 at this level")
    controls: list[Control]
    near_copies: NearCopies | None = Field(
        None, description="near-identical records: the owner's as members, comparable as nonmembers"
    )
    answer: SetAnswer
    sentence: str
    environment: Environment

    def save(self, path: str | Path) -> Path:
        """Write it as JSON."""
        return write_answer(self, path)
