"""Predictions that were saved, one file per record, with no model at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.paths import Located
from pixleak.core.truth import Truth
from pixleak.targets.kind import TargetKind

if TYPE_CHECKING:
    from pixleak.targets.base import Target


class Predictions(TargetKind):
    """A folder of probability maps, logits, label maps or generated images.

    The stem of a file is the id of its record. Files may be ``.npy``, ``.npz``, PNG or other
    images, TIFF, or NIfTI of one slice. Arrays have their channels first or last; nnU-Net's
    ``validation`` folder is understood (``probabilities`` or ``softmax``) where cases are flat.
    """

    name: ClassVar[str] = "predictions"
    summary: ClassVar[str] = "a folder of saved predictions, one file per record; no model"
    positional: ClassVar[str] = "predictions"

    predictions: Located = Field(description="folder of predictions; stems are record ids")
    ending: str = Field("", description="end of the stems that is not part of the id, as _pred")
    entry: str | None = Field(
        None, description="array in an .npz file; null: the only one, or a usual name"
    )
    extra: Literal["refuse", "ignore"] = Field(
        "refuse", description="what to do with predictions that belong to no record"
    )

    def open(self, truth: Truth, access: Access, *, device: str = "cpu") -> Target:
        from pixleak.targets.formats.saved import SavedPredictions, prediction_files

        files = prediction_files(Path(self.predictions), self.ending)
        return SavedPredictions(
            Path(self.predictions), files, truth, access, entry=self.entry, extra=self.extra
        )
