"""Records as a training function of the user's own is given them."""

from __future__ import annotations

import operator
import os
from pathlib import Path

from torch import Tensor
from torch.utils.data import Dataset

from pixleak.core.truth import Truth
from pixleak.records.base import Records


class TrainingSet(Dataset[tuple[Tensor, Tensor]]):
    """A map-style dataset of torch: ``records[i]`` is ``(image, truth)``, a copy of your own.

    ==============  ====================================================================
    ``image``       (c, h, w) float32
    ``truth``       (h, w) int64 labels, or (c', h, w) float32 for generators
    ``len()``       number of records
    ``ids``         their ids, in the same order
    ``truth_kind``  a LabelTruth (``classes``, ``ignore``) or an ImageTruth (``channels``)
    ``classes``     number of classes of a label map; None for generators
    ``image_shape`` (c, h, w) of every image
    ==============  ====================================================================

    Args:
        records: all of one size.
        mark: a file that is made when the first record is read, in whichever process.
    """

    def __init__(self, records: Records, mark: Path) -> None:
        self._records = records
        self._mark = mark
        self._marked = 0
        self.ids: tuple[str, ...] = tuple(records.ids)
        self.truth_kind: Truth = records.truth
        self.classes: int | None = getattr(records.truth, "classes", None)
        channels, height, width = records[0].image.shape
        self.image_shape: tuple[int, int, int] = (channels, height, width)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        try:
            position = range(len(self))[operator.index(index)]
        except TypeError as error:
            raise TypeError(
                f"records are taken one at a time by position, as in records[0]; got {index!r}"
            ) from error
        if self._marked != os.getpid():  # a worker of a DataLoader has a copy of this object
            self._mark.touch()
            self._marked = os.getpid()
        record = self._records[position]
        return record.image.clone(), record.truth.clone()

    @property
    def was_read(self) -> bool:
        """Whether any process took a record out of it."""
        return self._mark.exists()
