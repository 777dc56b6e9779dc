"""What the result says about a model."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pixleak.results.base import Interval, Number, SavedModel


class Utility(SavedModel):
    """What a model is good for: one figure with its interval by subject or record."""

    name: Literal["dice", "miou", "ssim", "l1"] = Field(
        description="dice: of predicted labels, mean over records; miou: intersection over union "
        "from pixels counted over all records, mean over classes; ssim, l1: for generators, mean "
        "over records"
    )
    members: Interval | None = Field(description="on its training records; None: not measured")
    heldout: Interval | None = Field(description="on held-out records; None: not measured")
    members_units: int = Field(description="subjects, or records, behind the figure")
    heldout_units: int


class ModelInfo(SavedModel):
    """A model that took part.

    Its utility is a property of the model, not the result of an analysis, so it stands here.
    """

    name: str = Field(description="target, shadow-0, untrained, ...")
    description: str
    recipe: dict[str, Any] | None = None
    seed: int | None = None
    defences: list[str] = Field(
        default_factory=list, description="what it is trained and asked with"
    )
    facts: dict[str, Number | str] = Field(
        default_factory=dict, description="what defences say of its training: epsilon, ..."
    )
    seconds: Number | None = Field(default=None, description="training time")
    epoch_losses: list[Number] = Field(default_factory=list)
    weights: str | None = Field(default=None, description="file, from the run folder")
    inference_seconds: Number | None = Field(
        default=None,
        description="seconds per record inside the model, output-side defences included",
    )
    utility: list[Utility] = Field(
        default_factory=list, description="with intervals, where it could be measured"
    )
    members_dice: Number | None = Field(
        default=None, description="mean Dice on its training records"
    )
    nonmembers_dice: Number | None = Field(
        default=None, description="mean Dice on held-out records"
    )
    members_error: Number | None = Field(
        default=None, description="mean absolute error of a generator on its training records"
    )
    nonmembers_error: Number | None = Field(
        default=None, description="mean absolute error of a generator on held-out records"
    )
    members_ssim: Number | None = Field(
        default=None, description="mean SSIM of a generator on its training records"
    )
    nonmembers_ssim: Number | None = Field(
        default=None, description="mean SSIM of a generator on held-out records"
    )
