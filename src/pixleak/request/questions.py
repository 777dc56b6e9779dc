"""The requests of ``query`` and ``set-test``: about one record, and about a set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pixleak.core.errors import setting
from pixleak.core.part import Part
from pixleak.core.truth import MOST_CLASSES, LabelTruth
from pixleak.records.readers.files.pixels import Size
from pixleak.request.given import Difficulties, RecordsGiven
from pixleak.request.target import TargetModel


class RecordFormat(Part):
    """How the two files of a queried record are read."""

    kind: Literal["image-to-image", "labels-to-photo", "photo-to-labels"] = Field(
        "image-to-image", description="what the model turns into what"
    )
    size: Size | None = Field(None, description="height, width to resize to")
    channels: Literal[1, 3] = 3
    target_channels: Literal[1, 3] = 3
    classes: int = Field(
        2, ge=2, le=MOST_CLASSES, description="of a label map, background included"
    )
    ignore: int | None = Field(None, description="label of pixels that are ignored")
    background: int | None = Field(0, description="class of an empty mask; null where none is")

    def labels(self) -> LabelTruth:
        """What a label map means."""
        return LabelTruth(self.classes, self.ignore, (), self.background)


class _Question(Part):
    seed: int = Field(0, ge=0, strict=True)
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
