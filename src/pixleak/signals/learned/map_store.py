"""Predictions kept on disk, so that learned signals are trained without another query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from pixleak.core.access import Access
from pixleak.core.disk.private_folder import PrivateFolder
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.truth import LabelTruth
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction


class MapStore:
    """Predictions and truths of one model's records in two flat files, read back by record id.

    Written in order by :func:`~pixleak.signals.measure.measure`, with plain writes, so that
    memory does not grow; read back through memory maps. A context manager: leaving it closes
    and deletes the files.

    Args:
        folder: where to keep the files; None: a temporary folder, deleted at the end.
        dtype: float16 halves the space and keeps logits to a thousandth of their size, which is
            enough to train on; probabilities always take float32, since their loss lies in the
            digits next to 1.
    """

    def __init__(
        self, folder: Path | None = None, *, dtype: Literal["float32", "float16"] = "float32"
    ) -> None:
        self._own: PrivateFolder | None = None
        if folder is None:
            self._own = PrivateFolder()
            folder = self._own.path
        self.folder = folder
        self.dtype = dtype
        self._position: dict[str, int] = {}
        self._files: tuple[BinaryIO, BinaryIO] | None = None
        self._arrays: tuple[NDArray[np.generic], NDArray[np.generic]] | None = None
        self._access: Access | None = None
        self._truth: LabelTruth | None = None
        self._shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    def __enter__(self) -> MapStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._position)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the stored records, in the order they came."""
        return tuple(self._position)

    @property
    def truth(self) -> LabelTruth:
        """What the stored truths mean."""
        if self._truth is None:
            raise InputError("the map store is empty: pass it to measure() first")
        return self._truth

    @property
    def access(self) -> Access:
        """What the stored predictions are."""
        if self._access is None:
            raise InputError("the map store is empty: pass it to measure() first")
        return self._access

    def _paths(self) -> tuple[Path, Path]:
        return self.folder / "predictions.bin", self.folder / "truths.bin"

    def _number_types(self) -> tuple[np.dtype[np.generic], np.dtype[np.generic]]:
        small = self.dtype if self.access is Access.LOGIT else "float32"
        return np.dtype("int32" if self.access is Access.LABEL else small), np.dtype("int32")

    def append(self, pixels: Pixels) -> None:
        """Add the b records of one batch.

        Raises:
            InputError: a record is stored already, the batch is unlike the ones before, or the
                files cannot be written.
        """
        if twice := [key for key in pixels.ids if key in self._position]:
            raise InputError(f"record {twice[0]!r} is in the map store already")
        values, truths = pixels.prediction.values, pixels.truths
        shapes = (tuple(values.shape[1:]), tuple(truths.shape[1:]))
        if self._shapes is None:
            self._shapes, self._access = shapes, pixels.prediction.access
            self._truth = pixels.truth_kind
        if (self._shapes, self._access, self._truth) != (
            shapes,
            pixels.prediction.access,
            pixels.truth_kind,
        ):
            raise InputError(
                f"record {pixels.ids[0]!r} has maps of shape {shapes}, the records before it "
                f"{self._shapes}; a map store holds one model's maps of one size"
            )
        if self._access is Access.LOGIT:  # float16 ends at 65504; signals clip far below
            values = values.clamp(-6e4, 6e4)
        self._arrays = None
        try:
            if self._files is None:
                predictions, kept = self._paths()
                self._files = (predictions.open("ab"), kept.open("ab"))
            for file, tensor, dtype in zip(
                self._files, (values, truths), self._number_types(), strict=True
            ):
                file.write(np.ascontiguousarray(tensor.numpy(), dtype=dtype).tobytes())
        except OSError as error:
            raise InputError(
                f"cannot write predictions to {self.folder}: {error.strerror}; "
                "free some space or choose another folder"
            ) from error
        for key in pixels.ids:
            self._position[key] = len(self._position)

    def pixels(self, ids: Sequence[str]) -> Pixels:
        """The stored records with these ids, in this order.

        Raises:
            InputError: a record is not stored.
        """
        if missing := [key for key in ids if key not in self._position]:
            raise InputError(f"record {missing[0]!r} is not in the map store")
        rows = np.array([self._position[key] for key in ids], dtype=np.int64)
        predictions, truths = self._read()
        values = predictions[rows]
        whole = self.access is Access.LABEL
        answer = torch.from_numpy(values.astype(np.int64 if whole else np.float32))
        labels = torch.from_numpy(truths[rows].astype(np.int64))
        return Pixels(Prediction(self.access, answer), labels, self.truth, ids)

    def batches(self, ids: Sequence[str], size: int) -> Iterator[Pixels]:
        """Consecutive batches of at most ``size`` of these records."""
        for start in range(0, len(ids), size):
            yield self.pixels(ids[start : start + size])

    def _read(self) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        if self._arrays is None:
            if self._files is None or self._shapes is None:
                raise InputError("the map store is empty or closed")
            for file in self._files:
                file.flush()
            first, second = (
                np.memmap(path, dtype=dtype, mode="r", shape=(len(self), *shape))
                for path, dtype, shape in zip(
                    self._paths(), self._number_types(), self._shapes, strict=True
                )
            )
            self._arrays = (first, second)
        return self._arrays

    def require(self, needed: Access, name: str) -> None:
        """Refuse to train a signal that needs more than was stored.

        Raises:
            UnmetNeedError: the stored predictions do not grant ``needed``.
        """
        if not self.access.grants(needed):
            raise UnmetNeedError(
                f"learned signal {name!r} needs {needed} access, the stored predictions are "
                f"{self.access}"
            )

    def close(self) -> None:
        """Close and delete the files; closing twice is fine."""
        self._arrays = None
        if self._files is not None:
            for file in self._files:
                file.close()
            self._files = None
            for path in self._paths():
                path.unlink(missing_ok=True)
        if self._own is not None:
            self._own.remove()
