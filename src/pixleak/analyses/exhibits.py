"""Pictures of single records: made by querying the target, saved in the run folder, read back."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.tables import Bools
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.results.base import Number, SavedModel

if TYPE_CHECKING:
    from torch import Tensor

    from pixleak.records.base import Batch
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.targets.base import Prediction, Target

FILE = "exhibits.npz"
PARTS = ("image", "truth", "prediction", "valid", "loss")


class Exposure(SavedModel):
    """One record on show."""

    id: str
    subject: str | None
    member: bool
    side: Literal["most", "least"]
    rank: int = Field(description="1 is the most exposed (or the least, on that side)")
    score: Number
    exhibit: int = Field(description="index of its pictures in exhibits.npz")


@dataclass(frozen=True, eq=False)
class Exhibit:
    """The pictures of one record.

    Args:
        image: (h, w) or (h, w, 3) uint8.
        truth: (h, w) int16 labels, or a uint8 picture.
        prediction: as ``truth``.
        valid: (h, w) bool, False where a pixel is ignored.
        loss: (h, w) float32, nat/pixel.
    """

    image: NDArray[np.uint8]
    truth: NDArray[np.int16] | NDArray[np.uint8]
    prediction: NDArray[np.int16] | NDArray[np.uint8]
    valid: Bools
    loss: NDArray[np.float32]


def pictures_of(exposures: Iterable[Exposure], records: PreparedRecords, target: Target) -> bytes:
    """The content of ``exhibits.npz``: pictures of each record, from asking the target again."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for one in exposures:
        pictures = _pictures(records.select([one.id]), target)
        arrays |= {f"{name}/{one.exhibit}": array for name, array in pictures.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _pictures(record: PreparedRecords, target: Target) -> dict[str, NDArray[np.generic]]:
    """Image, truth, prediction, valid pixels and loss of one record, as arrays to draw."""
    import torch

    from pixleak.signals.pixels.labels import Pixels
    from pixleak.training.loop.samples import as_picture

    batch = next(iter(record.batches(1)))
    prediction = target.predict(batch.images, batch.ids)
    if not isinstance(record.truth, LabelTruth):
        return _of_generator(batch, prediction, record.truth)
    pixels = Pixels(prediction, batch.truths, record.truth, batch.ids)
    wrong = pixels.predicted_labels != batch.truths
    loss = wrong.float() if target.access is Access.LABEL else pixels.cross_entropy
    valid = torch.ones_like(wrong) if pixels.valid is None else pixels.valid
    return {
        "image": as_picture(batch.images[0]),
        "truth": batch.truths[0].numpy().astype(np.int16),
        "prediction": pixels.predicted_labels[0].numpy().astype(np.int16),
        "valid": valid[0].numpy(),
        "loss": loss[0].numpy().astype(np.float32),
    }


def _of_generator(
    batch: Batch, prediction: Prediction, truth: ImageTruth
) -> dict[str, NDArray[np.generic]]:
    """Input, true image, output and absolute error of one record."""
    from pixleak.signals.pixels.images import ImagePixels
    from pixleak.training.loop.samples import as_picture

    pixels = ImagePixels(prediction, batch.truths, truth, batch.ids)

    def unit(images: Tensor) -> Tensor:
        return ((images[0] - truth.low) / pixels.span).clamp(0, 1)

    error = pixels.absolute_error[0].numpy().astype(np.float32)
    return {
        "image": as_picture(batch.images[0]),
        "truth": as_picture(unit(batch.truths)),
        "prediction": as_picture(unit(prediction.values)),
        "valid": np.ones(error.shape, dtype=np.bool_),
        "loss": error,
    }


def read_exhibits(path: Path, exposures: Iterable[Exposure]) -> dict[int, Exhibit]:
    """The pictures of each record on show, by ``exhibit``.

    Raises:
        InputError: the file is missing, cannot be read, or holds something else.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is missing, and result.json says that it holds the pictures of the most "
            "exposed records; copy the whole run folder, or run the audit again"
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {one.exhibit: _exhibit(archive, one.exhibit, path) for one in exposures}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({error}); run the audit again") from error


def _exhibit(archive: Mapping[str, NDArray[np.generic]], number: int, path: Path) -> Exhibit:
    parts = {}
    for name in PARTS:
        key = f"{name}/{number}"
        if key not in archive:
            raise InputError(f"{path} has no array {key!r}; run the audit again")
        parts[name] = archive[key]
    shape = parts["image"].shape[:2]
    allowed = {
        "image": ((np.uint8,), (2, 3)),
        "truth": ((np.int16, np.uint8), (2, 3)),
        "prediction": ((np.int16, np.uint8), (2, 3)),
        "valid": ((np.bool_,), (2,)),
        "loss": ((np.float32,), (2,)),
    }
    for name, (kinds, dimensions) in allowed.items():
        array = parts[name]
        colour = array.ndim == 3 and array.dtype == np.uint8 and array.shape[2] == 3
        if (
            array.dtype.type not in kinds
            or array.ndim not in dimensions
            or (array.ndim == 3 and not colour)
            or array.shape[:2] != shape
            or array.size == 0
        ):
            raise InputError(
                f"{path}: array '{name}/{number}' of type {array.dtype} and shape {array.shape} "
                f"is not a picture beside an image of {shape}; run the audit again"
            )
    if np.isnan(parts["loss"][parts["valid"]]).any():
        raise InputError(f"{path}: array 'loss/{number}' holds NaN; run the audit again")
    return Exhibit(**parts)  # type: ignore[arg-type]
