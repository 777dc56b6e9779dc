"""What the result says about controls: baselines, duplicates and shifts across the split."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pixleak.results.base import Interval, Number, SavedModel


class Control(SavedModel):
    """Something that must not tell members from non-members if the audit is fair."""

    name: str
    title: str
    auc: Interval | None = Field(description="None where it could not be measured")
    passed: bool | None = Field(description="None where it could not be measured")
    explanation: str


class DuplicatePair(SavedModel):
    """Two records on different sides of the split that look alike."""

    member: str
    nonmember: str
    kind: Literal["identical", "near"]
    distance: Number = Field(description="root mean square pixel difference, image range 0..1")


class DuplicateCheck(SavedModel):
    """Records that occur, exactly or nearly, on both sides of the split."""

    pairs: list[DuplicatePair] = Field(description="the closest pairs, at most 50")
    nonmembers_affected: int
    nonmembers: int
    passed: bool
    explanation: str


class ShiftFeature(SavedModel):
    """One property of the records, compared between members and non-members."""

    feature: str
    members_mean: Number
    nonmembers_mean: Number
    statistic: Number = Field(description="two-sample Kolmogorov-Smirnov")
    p_value: Number
    p_adjusted: Number = Field(description="Holm over the features")


class ShiftCheck(SavedModel):
    """Whether members and non-members differ in plain image properties."""

    features: list[ShiftFeature]
    passed: bool
    explanation: str


class NearCopies(SavedModel):
    """Near-identical records within a side, which count as one unit each."""

    members: list[list[str]] = Field(description="largest clusters of members, at most 10")
    nonmembers: list[list[str]] = Field(description="largest clusters of non-members, at most 10")
    member_clusters: int
    nonmember_clusters: int
    records: int = Field(description="records in a cluster")
    blank: int = Field(description="records without content, which are in no cluster")
    units: bool = Field(description="whether the clusters are the units of all inference")
    guarded: bool = Field(description="whether the chaining guard divided a cluster")
    across_subjects: list[list[str]] = Field(
        description="near-identical records of different subjects on one side, at most 10 pairs"
    )
    explanation: str
