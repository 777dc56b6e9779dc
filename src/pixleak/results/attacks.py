"""What the result says about one attack."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pixleak.results.base import Interval, Number, Rate, SavedModel, TprAtFpr

PointName = Literal["oracle", "shadow", "shadow-training-loss"]


class OperatingPoint(SavedModel):
    """What happens at one threshold."""

    name: PointName = Field(
        description="oracle: best balanced accuracy on the evaluated records themselves, an upper "
        "bound that no attacker has; shadow: best balanced accuracy on the shadow model's records, "
        "carried over; shadow-training-loss: the shadow's final training loss"
    )
    threshold: Number
    balanced_accuracy: Interval
    f1: Number
    tpr: Rate
    fpr: Rate


class AttackResult(SavedModel):
    """One attack over one signal, evaluated."""

    name: str = Field(description="attack, a name of pixleak list")
    signal: str = Field(description="signal, a name of pixleak list")
    title: str = Field(description="what to call it in a table")
    source: str
    access: str = Field(description="access to the target that it needs")
    needs_truth: bool
    queries: int = Field(default=1, description="queries per record, at most")
    auc: Interval
    auc_simultaneous: Interval | None = Field(
        default=None,
        description="with an interval that holds for all attacks of the audit together, so also "
        "for the one that turned out to be the strongest",
    )
    auc_attainable: Number | None = Field(
        default=None,
        description="the highest AUC that any labelling of these scores could have given: below 1 "
        "where scores are tied, 0.5 where all of them are equal",
    )
    tpr_at_fpr: list[TprAtFpr]
    operating_points: list[OperatingPoint]
    members: int = Field(description="members scored")
    nonmembers: int = Field(description="non-members scored")
    not_measured: int = Field(description="records for which the signal is undefined")
    p_value: Number = Field(description="one-sided p-value of 'no better than guessing'")
    control_auc: Interval | None = Field(
        default=None, description="the same attack on a model that was never trained"
    )
    elsewhere_auc: Interval | None = Field(
        default=None, description="the same signal of a model that was trained on neither side"
    )
    elsewhere_excess: Interval | None = Field(
        default=None,
        description="by how much the AUC on the target exceeds what that model explains",
    )
    elsewhere_tpr: list[Number] = Field(
        default_factory=list,
        description="the true positive rates of that model, in the order of tpr_at_fpr",
    )
    control_tpr: list[Rate] = Field(
        default_factory=list,
        description="the true positive rates of the same attack on a model that was never "
        "trained, in the order of tpr_at_fpr; empty where there is none",
    )
    control_note: str = Field(default="", description="why there is no control, if so")
