"""Predictions on disk as a target: one answer for each record, and none about other images."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import ImageTruth, Truth
from pixleak.records.readers.files.finding import SUFFIXES, natural
from pixleak.records.readers.files.nifti import nibabel_module
from pixleak.records.readers.files.raster import opened
from pixleak.targets.base import Target, Untwinned

ONCE = "the predictions were saved once for each record, so that nothing else can be asked"
"""Why saved predictions serve no signal that asks about other images."""

_ENTRIES = ("probabilities", "softmax", "logits", "prediction", "predictions", "arr_0")
_NIFTI = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)


def prediction_files(folder: Path, ending: str = "") -> dict[str, Path]:
    """Id -> file. Where a folder holds ``.npz`` files, only those count, as in nnU-Net's folders.

    Raises:
        InputError: the folder is missing or holds no predictions, or an id has two.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} of predictions")
    found: list[tuple[str, Path]] = []
    for path in sorted(folder.iterdir(), key=lambda one: natural(one.name)):
        stem = _NIFTI.sub("", path.name)
        if stem == path.name and path.suffix.lower() in SUFFIXES:
            stem = path.stem
        if path.is_file() and not path.name.startswith(".") and stem != path.name:
            found.append((unicodedata.normalize("NFC", stem), path))
    zipped = [(stem, path) for stem, path in found if path.suffix.lower() == ".npz"]
    files: dict[str, Path] = {}
    for stem, path in zipped or found:
        if not stem.endswith(ending):
            continue
        key = stem.removesuffix(ending)
        if key in files:
            raise InputError(
                f"{folder}: {files[key].name} and {path.name} are both predictions of record "
                f"{key!r}; keep one"
            )
        files[key] = path
    if not files:
        named = f" whose stem ends in {ending!r}" if ending else ""
        kinds = ", ".join(sorted({*SUFFIXES, ".nii", ".nii.gz"}))
        raise InputError(f"{folder} holds no predictions{named} ({kinds})")
    return files


class SavedPredictions(Target):
    """Answers with what was saved for a record, whatever its image.

    Args:
        folder: of the predictions, for messages.
        files: record id -> file.
        truth: what the predictions should look like.
        access: what they are.
        entry: array in an ``.npz`` file, or None for the only one or a usual name.
        extra: what to do with predictions that belong to no record.
    """

    once = ONCE

    def __init__(
        self,
        folder: Path,
        files: Mapping[str, Path],
        truth: Truth,
        access: Access,
        *,
        entry: str | None = None,
        extra: Literal["refuse", "ignore"] = "refuse",
    ) -> None:
        super().__init__(truth, access, folder.name or str(folder))
        self.folder, self.files, self.entry, self.extra = folder, dict(files), entry, extra
        self._used: tuple[str, ...] = ()

    def expect(self, used: Sequence[str], known: Sequence[str]) -> None:
        missing = [key for key in used if key not in self.files]
        if missing:
            raise InputError(
                f"{self.folder}: {len(missing)} of {len(used)} records have no prediction (first "
                f"{missing[0]!r}); its files are named like {next(iter(self.files.values())).name}"
            )
        whole = set(known)
        stray = [key for key in self.files if key not in whole]
        if stray and self.extra == "refuse":
            raise InputError(
                f"{self.folder}: {len(stray)} of {len(self.files)} predictions belong to no record "
                f"(first {self.files[stray[0]].name}); add the records, or set "
                f"{setting('target.extra')} to ignore"
            )
        self._used = tuple(used)

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any] | None:
        """Names and contents of all files that are used."""
        total = hashlib.sha256()
        for key in sorted(self._used or self.files):
            total.update(f"{key}\0".encode())
            with self.files[key].open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
        return {"saved": total.hexdigest(), "entry": self.entry}

    def untrained(self, seed: int) -> Untwinned:
        return Untwinned("saved predictions have no weights to take away")

    def _ask(self, images: Tensor, ids: Sequence[str] | None) -> object:
        if ids is None:
            raise InputError(f"target {self.name!r} holds saved predictions: give the record ids")
        unknown = [key for key in ids if key not in self.files]
        if unknown:
            raise InputError(f"{self.folder} holds no prediction of record {unknown[0]!r}")
        size = (images.shape[-2], images.shape[-1])
        maps = [self._read(key, size) for key in ids]
        for key, values in zip(ids, maps, strict=True):
            if values.shape[0] != maps[0].shape[0]:
                raise InputError(
                    f"{self.folder}: the prediction of {key!r} has {values.shape[0]} channels, that"
                    f" of {ids[0]!r} has {maps[0].shape[0]}; all must have the same"
                )
        return torch.from_numpy(np.stack(maps))

    def _query(self, images: Tensor) -> object:
        return self._ask(images, None)

    def _read(self, key: str, size: tuple[int, int]) -> NDArray[Any]:
        """(c, h, w) float32."""
        path = self.files[key]
        values = self._decoded(path)
        if values.ndim == 4:  # one slice of a volume, as nnU-Net saves flat images
            at = [axis for axis in (1, 3) if values.shape[axis] == 1]
            values = values.squeeze(at[0]) if at else values
        if values.ndim == 2:
            values = values[None]
        if values.ndim != 3:
            raise InputError(
                f"the prediction {path} has shape {values.shape}; one record needs (channels, "
                "height, width) or (height, width): save the slices of a volume apart"
            )
        if values.shape[1:] != size and values.shape[:2] == size:
            values = np.moveaxis(values, 2, 0)
        found = (int(values.shape[1]), int(values.shape[2]))
        if found != size and self.adapter.output.resize is None:
            raise InputError(
                f"the prediction {path} is {found[0]} x {found[1]}, the truth of record {key!r} is "
                f"{size[0]} x {size[1]}; save predictions at the size of the truth, or set "
                f"{setting('target.output.resize')} to bilinear (of labels: nearest)"
            )
        return np.ascontiguousarray(values, dtype=np.float32)

    def _decoded(self, path: Path) -> NDArray[Any]:
        try:
            if path.suffix.lower() == ".npz":
                return self._of_archive(path)
            if path.suffix.lower() == ".npy":
                return np.asarray(np.load(path, allow_pickle=False))
            if _NIFTI.search(path.name):
                volume = np.asarray(nibabel_module().load(path).dataobj)
                # Axes of NIfTI are (x, y, z, channel); arrays are (channel, y, x).
                return np.asarray(volume.squeeze().T)
        except InputError:
            raise
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise InputError(f"the prediction {path} cannot be read: {error}") from error
        pixels = opened(path).pixels
        values = np.moveaxis(pixels, 2, 0)
        whole = np.issubdtype(pixels.dtype, np.integer)
        scaled = self.access is Access.PROBABILITY or isinstance(self.truth, ImageTruth)
        if whole and scaled and self.adapter.output.range is None:
            return values.astype(np.float32) / float(np.iinfo(pixels.dtype).max)
        return values

    def _of_archive(self, path: Path) -> NDArray[Any]:
        with np.load(path, allow_pickle=False) as file:
            names = list(file.files)
            wanted = (self.entry,) if self.entry is not None else _ENTRIES
            chosen = next((name for name in wanted if name in names), None)
            if chosen is None and self.entry is None and len(names) == 1:
                chosen = names[0]
            if chosen is None:
                raise InputError(
                    f"{path} holds {', '.join(map(repr, names)) or 'nothing'}; name the array of "
                    f"predictions with {setting('target.entry')}"
                )
            return np.asarray(file[chosen])
