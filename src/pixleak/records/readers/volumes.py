"""NIfTI volumes cut into slices; every slice keeps its volume as subject."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from pixleak.core.errors import InputError, require
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.prepared.validate import outside
from pixleak.records.readers.files import Size, matched, natural
from pixleak.records.readers.folders import check_format

_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
Axis = Literal["sagittal", "coronal", "axial"]


def _volume_files(folder: Path) -> dict[str, Path]:
    """Stem -> NIfTI file, in natural order."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    found = {
        path.name.removesuffix(".gz").removesuffix(".nii"): path
        for path in sorted(folder.iterdir(), key=lambda p: natural(p.name))
        if path.name.endswith((".nii", ".nii.gz")) and not path.name.startswith(".")
    }
    if not found:
        raise InputError(f"{folder} holds no NIfTI volumes (.nii, .nii.gz)")
    return found


def _volume(path: str, integer: bool) -> NDArray[Any]:
    """(right, anterior, superior) voxels, whatever the file's own order of axes.

    Raises:
        InputError: the file cannot be read, is not 3-D, or holds NaN.
    """
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError as error:
        raise InputError(f"volume {path} cannot be read: {error}") from error
    return _decoded(path, changed, integer)


# Slices of one volume are read one after the other: keep the last image and label volume. The
# time of change is part of what it is kept under, so a file that was replaced is read again.
@lru_cache(maxsize=2)
def _decoded(path: str, changed: int, integer: bool) -> NDArray[Any]:
    nibabel = require("nibabel", extra="nifti", why="reading NIfTI volumes")
    try:
        file = nibabel.load(path)
        voxels: NDArray[Any] = np.asarray(file.dataobj, dtype=np.float32)
    # nibabel raises its own errors besides those of gzip, zlib and the system.
    except Exception as error:
        raise InputError(f"volume {path} cannot be read: {error}") from error
    if voxels.ndim == 4 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    if voxels.ndim != 3:
        raise InputError(f"volume {path} has shape {voxels.shape}, expected three dimensions")
    if not np.isfinite(voxels).all():
        raise InputError(f"volume {path} holds NaN or infinite values")
    orientation = nibabel.orientations.io_orientation(file.affine)
    voxels = np.asarray(nibabel.orientations.apply_orientation(voxels, orientation))
    if integer:
        whole = voxels.astype(np.int32)
        if (whole != voxels).any():
            raise InputError(f"label volume {path} holds fractions; labels must be whole numbers")
        voxels = whole
    voxels.flags.writeable = False
    return voxels


def _percentiles(voxels: NDArray[Any]) -> tuple[float, float]:
    """The brightness window of a volume that was given none, from a part of its voxels."""
    thin = tuple(slice(None, None, max(1, n // 48)) for n in voxels.shape)
    low, high = np.percentile(voxels[thin], (0.5, 99.5)).tolist()
    return low, high


def _plane(voxels: NDArray[Any], axis: int, at: int) -> NDArray[Any]:
    """(h, w) slice as radiologists look at it: superior or anterior up, patient's right left."""
    plane = np.take(voxels, at, axis=axis)
    # Sagittal slices show anterior on the left.
    return np.ascontiguousarray(plane.T[::-1, ::-1])


@dataclass(frozen=True)
class _Slices:
    """Cuts the i-th slice."""

    images: tuple[str, ...]
    labels: tuple[str, ...]
    at: tuple[tuple[int, int], ...]
    axis: int
    window: tuple[float, float] | None
    remap: tuple[tuple[int, int], ...]
    truth: LabelTruth
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        volume, position = self.at[index]
        voxels = _volume(self.images[volume], False)
        low, high = self.window or _percentiles(voxels)
        plane = _plane(voxels, self.axis, position)
        scaled = np.clip((plane - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
        image = torch.from_numpy(scaled)[None]
        labels = torch.from_numpy(self.label_plane(volume, position))
        if self.size is not None:
            image = interpolate(
                image[None], self.size, mode="bilinear", antialias=True, align_corners=False
            )[0].clamp(0, 1)
            labels = interpolate(labels[None, None].double(), self.size, mode="nearest-exact")[0, 0]
        return image, labels.long()

    def label_plane(self, volume: int, position: int) -> NDArray[np.int32]:
        """(h, w) labels after mapping, at the volume's own size."""
        raw = _plane(_volume(self.labels[volume], True), self.axis, position)
        labels = raw.copy()
        for value, label in self.remap:
            labels[raw == value] = label
        wrong = outside(torch.from_numpy(labels), self.truth)
        if wrong is not None:
            raise InputError(f"label volume {self.labels[volume]}, slice {position}: {wrong}")
        return labels


def read_volumes(
    images: Path,
    labels: Path,
    *,
    truth: LabelTruth | None = None,
    axis: Axis = "axial",
    window: tuple[float, float] | None = None,
    empty: Literal["keep", "drop"] = "keep",
    every: int = 1,
    remap: Mapping[int, int] | None = None,
    size: Size | None = None,
    name: str | None = None,
) -> Records:
    """Records of NIfTI volumes and their label volumes, matched by stem.

    With ``empty="drop"`` every label volume is read once to see which slices to keep.

    Args:
        images: folder of .nii or .nii.gz files.
        labels: folder of .nii or .nii.gz files, one a stem.
        truth: the classes; background and foreground where left out.
        axis: which way to cut; volumes are brought into one orientation first.
        window: (low, high) values that become 0 and 1, in the volume's unit (Hounsfield for CT);
            None takes each volume's 0.5th and 99.5th percentile.
        empty: whether slices that show nothing but background are kept.
        every: keep every n-th slice.
        remap: value in the volume -> label; values that it does not name are kept.
        size: (h, w) to resize to, images bilinear with antialiasing, labels to the nearest pixel.
        name: what to call the set; the image folder's name where left out.

    Raises:
        InputError: a missing folder, a volume without its partner, a damaged volume, sizes that
            differ, a setting that cannot be, or no slice left.
        MissingExtraError: nibabel is not installed.
    """
    nibabel = require("nibabel", extra="nifti", why="reading NIfTI volumes")
    check_format(size, 1)
    if axis not in _AXES or empty not in ("keep", "drop") or every < 1:
        raise InputError(
            f"axis must be sagittal, coronal or axial, empty keep or drop, every at least 1; "
            f"got {axis!r}, {empty!r}, {every}"
        )
    if window is not None and not window[0] < window[1]:
        raise InputError(f"window must be (low, high) with low < high, got {window}")
    kind = truth if truth is not None else LabelTruth(2)
    files = matched(_volume_files(images), _volume_files(labels), ("volume", "label volume"))
    cut = _Slices(
        tuple(str(image) for _, image, _ in files),
        tuple(str(label) for _, _, label in files),
        (),
        _AXES[axis],
        window,
        () if remap is None else tuple(remap.items()),
        kind,
        size,
    )
    keys: list[RecordKey] = []
    at: list[tuple[int, int]] = []
    for index, (stem, image, label) in enumerate(files):
        for position in range(0, _depth(nibabel, image, label, _AXES[axis]), every):
            if empty == "drop" and _is_empty(cut.label_plane(index, position), kind):
                continue
            keys.append(RecordKey(f"{stem}-{position:04d}", subject=stem))
            at.append((index, position))
    called = name if name is not None else Path(images).name
    if not keys:
        raise InputError(f"{called}: every slice of every volume is empty; use empty='keep'")
    return Records(keys, replace(cut, at=tuple(at)), kind, called)


def _is_empty(labels: NDArray[np.int32], truth: LabelTruth) -> bool:
    """Whether a slice shows background and ignored pixels only."""
    nothing = [label for label in (truth.background, truth.ignore) if label is not None]
    return bool(np.isin(labels, nothing).all())


def _depth(nibabel: Any, image: Path, label: Path, axis: int) -> int:
    """Number of slices along an anatomical axis, from the headers."""
    shapes = []
    for path in (image, label):
        try:
            file = nibabel.load(path)
            order = nibabel.orientations.io_orientation(file.affine)
        except Exception as error:
            raise InputError(f"volume {path} cannot be read: {error}") from error
        if len(file.shape) < 3:
            raise InputError(f"volume {path} has shape {file.shape}, expected three dimensions")
        source = [int(np.flatnonzero(order[:, 0] == a)[0]) for a in range(3)]
        shapes.append(tuple(int(file.shape[s]) for s in source))
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{image} has {shapes[0]} voxels, {label} {shapes[1]} (right, anterior, superior); "
            "they must be equal"
        )
    return int(shapes[0][axis])
