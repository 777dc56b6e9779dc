"""NIfTI files: finding them, and reading voxels in one orientation whatever the file's own."""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError, require
from pixleak.records.readers.files.finding import natural

_ROUNDING = 0.01  # of a voxel, by which affines of one space may differ
AXES = {"sagittal": 0, "coronal": 1, "axial": 2}


def nibabel_module() -> Any:
    """The package that reads NIfTI files.

    Raises:
        MissingExtraError: it is not installed.
    """
    return require("nibabel", extra="nifti", why="reading NIfTI volumes")


def volume_files(folder: Path) -> dict[str, Path]:
    """Stem -> NIfTI file, in natural order.

    Raises:
        InputError: the folder is missing or holds no volumes, or two have the same stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural(p.name)):
        ending = re.search(r"\.nii(\.gz)?$", path.name, re.IGNORECASE)
        if ending is None or path.name.startswith("."):
            continue
        stem = unicodedata.normalize("NFC", path.name[: ending.start()])
        if stem in found:
            raise InputError(f"{folder}: {found[stem].name} and {path.name} have the same stem")
        found[stem] = path
    if not found:
        raise InputError(f"{folder} holds no NIfTI volumes (.nii, .nii.gz)")
    return found


def volume(path: str, integer: bool) -> NDArray[Any]:
    """(right, anterior, superior) voxels, whatever the file's own order of axes.

    Raises:
        InputError: the file cannot be read, is not 3-D, or holds NaN.
    """
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError as error:
        raise InputError(f"volume {path} cannot be read: {error}") from error
    return _decoded(path, changed, integer)


# Slices of one volume are read one after the other, so the last image and label volume are kept.
# The time of change is part of the cache's key, so that a file that was replaced is read again.
@lru_cache(maxsize=2)
def _decoded(path: str, changed: int, integer: bool) -> NDArray[Any]:
    nibabel = nibabel_module()
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


def percentiles(voxels: NDArray[Any]) -> tuple[float, float]:
    """The window of a volume that was given none, from a regular subset of its voxels."""
    thin = tuple(slice(None, None, max(1, n // 48)) for n in voxels.shape)
    low, high = np.percentile(voxels[thin], (0.5, 99.5)).tolist()
    return low, high


def plane(voxels: NDArray[Any], axis: int, at: int) -> NDArray[Any]:
    """(h, w) slice in radiological convention: superior or anterior up, the patient's right left.

    Sagittal slices show anterior on the left.
    """
    cut = np.take(voxels, at, axis=axis)
    return np.ascontiguousarray(cut.T[::-1, ::-1])


def _check_forms(path: Path, file: Any) -> None:
    """Refuse a file whose two descriptions of its axes contradict each other.

    Raises:
        InputError: naming both.
    """
    header = file.header
    if not hasattr(header, "get_sform"):
        return
    try:
        sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    except Exception:  # nibabel refuses a damaged qform in several ways, and reads the sform alone
        return
    if sform is None or qform is None:
        return
    codes = ["".join(nibabel_module().aff2axcodes(form)) for form in (sform, qform)]
    if codes[0] != codes[1]:
        raise InputError(
            f"volume {path} says in two ways how its axes lie: {codes[0]} by its sform, {codes[1]} "
            "by its qform, and programs differ in which they follow; save it with one that is "
            "right (in nibabel: set_sform, set_qform)"
        )


def depth(image: Path, label: Path, axis: int) -> int:
    """Number of slices along an anatomical axis, from the headers.

    Raises:
        InputError: a file cannot be read, or image and label volume differ in shape or lie in
            different places.
    """
    nibabel = nibabel_module()
    shapes, places = [], []
    for path in (image, label):
        try:
            file = nibabel.load(path)
            order = nibabel.orientations.io_orientation(file.affine)
        except Exception as error:
            raise InputError(f"volume {path} cannot be read: {error}") from error
        if len(file.shape) < 3:
            raise InputError(f"volume {path} has shape {file.shape}, expected three dimensions")
        _check_forms(path, file)
        places.append(np.asarray(file.affine, dtype=np.float64))
        source = [int(np.flatnonzero(order[:, 0] == a)[0]) for a in range(3)]
        shapes.append(tuple(int(file.shape[s]) for s in source))
    if shapes[0] != shapes[1]:
        raise InputError(
            f"{image} has {shapes[0]} voxels, {label} {shapes[1]} (right, anterior, superior); "
            "they must be equal"
        )
    spacing = float(np.abs(places[0][:3, :3]).max())
    if np.abs(places[0] - places[1]).max() > _ROUNDING * spacing:
        first, second = (
            f"origin {np.round(place[:3, 3], 2).tolist()}, axes "
            f"{np.round(place[:3, :3], 3).tolist()}"
            for place in places
        )
        raise InputError(
            f"{image} ({first}) and {label} ({second}) lie in different places or orientations of "
            "the scanner's space, so that voxels of equal position do not belong together; "
            "resample the labels to the image"
        )
    return int(shapes[0][axis])
