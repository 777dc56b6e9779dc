"""Volumes as arrays in one orientation, whatever file holds them and in which order of axes.

NIfTI files are read by nibabel, MetaImage and NRRD files by SimpleITK. Others, such as a DICOM
series, are sources of their own (:class:`VolumeSource`).
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError, require
from pixleak.records.readers.files.nifti import check_forms, nibabel_module

AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
_ROUNDING = 0.01  # of a voxel, by which affines of one space may differ
_KEPT_BYTES = 400 * 2**20
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From the axes of DICOM and ITK (left, posterior, superior) to those of NIfTI."""

NIFTI = (".nii", ".nii.gz")
ITK = (".mha", ".mhd", ".nrrd", ".nhdr")


class VolumeSource(Protocol):
    """Where the voxels of one volume come from; hashable and picklable."""

    def __str__(self) -> str:
        """The file or folder, for messages."""

    def changed(self) -> int:
        """When the file was changed last, so that one that was replaced is read again."""

    def placed(self) -> tuple[tuple[int, ...], NDArray[np.float64]]:
        """Shape of the voxels, and the affine from their indices to right, anterior, superior."""

    def read(self) -> NDArray[Any]:
        """Voxels in the order of the file; (x, y, z)."""


@dataclass(frozen=True)
class VolumeFile:
    """A NIfTI, MetaImage or NRRD file, or one channel of it.

    Args:
        path: of the file.
        channel: of a file of four dimensions; None where it has three.
        channels: that such a file must have.
    """

    path: str
    channel: int | None = None
    channels: int = 0

    def __str__(self) -> str:
        return self.path

    def changed(self) -> int:
        return os.stat(self.path).st_mtime_ns

    @property
    def _itk(self) -> bool:
        return self.path.lower().endswith(ITK)

    def placed(self) -> tuple[tuple[int, ...], NDArray[np.float64]]:
        if self._itk:
            return _itk_placed(self.path)
        file = nibabel_module().load(self.path)
        check_forms(Path(self.path), file)
        return tuple(map(int, file.shape)), np.asarray(file.affine, dtype=np.float64)

    def read(self) -> NDArray[Any]:
        if self._itk:
            return self._picked(_itk_voxels(self.path))
        return self._picked(nibabel_module().load(self.path).dataobj)

    def _picked(self, stored: Any) -> NDArray[Any]:
        if self.channel is None:
            return np.asarray(stored, dtype=np.float32)
        if len(stored.shape) != 4 or stored.shape[-1] != self.channels:
            raise InputError(
                f"volume {self.path} has shape {tuple(stored.shape)}, expected four dimensions of "
                f"which the last holds {self.channels} channels"
            )
        return np.asarray(stored[..., self.channel], dtype=np.float32)


def stored_type(path: Path) -> str:
    """Format and type of the values of a volume file, in words; empty where it cannot be read."""
    try:
        if not path.name.lower().endswith(ITK):
            return f"NIfTI of {nibabel_module().load(path).get_data_dtype()}"
        header = simpleitk_module().ImageFileReader()
        header.SetFileName(str(path))
        header.ReadImageInformation()
        kind = simpleitk_module().GetPixelIDValueAsString(header.GetPixelID())
    except Exception:  # of whatever package, or the lack of one
        return ""
    return f"{path.suffix[1:].upper()} of {kind}"


def simpleitk_module() -> Any:
    """The package that reads MetaImage and NRRD files.

    Raises:
        MissingExtraError: it is not installed.
    """
    return require("SimpleITK", extra="itk", why="reading MetaImage and NRRD volumes")


def _itk_placed(path: str) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    itk = simpleitk_module()
    header = itk.ImageFileReader()
    header.SetFileName(path)
    header.ReadImageInformation()
    shape = tuple(map(int, header.GetSize()))
    if len(shape) != 3:
        return shape, np.eye(4)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(header.GetDirection(), (3, 3)) * np.array(header.GetSpacing())
    affine[:3, 3] = header.GetOrigin()
    components = int(header.GetNumberOfComponents())
    return (*shape, components) if components > 1 else shape, LPS_TO_RAS @ affine


def _itk_voxels(path: str) -> NDArray[Any]:
    itk = simpleitk_module()
    stored = itk.GetArrayFromImage(itk.ReadImage(path))
    spatial = np.swapaxes(stored, 0, 2)  # from (z, y, x) to (x, y, z); components stay last
    return np.asarray(spatial, dtype=np.float32)


# Slices of one volume are read one after the other, so the last volumes are kept: an image (of
# several channels where they are not large) and its labels.
_kept: OrderedDict[tuple[Any, ...], NDArray[Any]] = OrderedDict()


def volume(source: VolumeSource, integer: bool) -> NDArray[Any]:
    """(right, anterior, superior) voxels, whatever the file's own order of axes.

    Raises:
        InputError: the file cannot be read, is not 3-D, or holds NaN.
        MissingExtraError: the package that reads it is not installed.
    """
    try:
        key = (source, source.changed(), integer)
    except OSError as error:
        raise InputError(f"volume {source} cannot be read: {error}") from error
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    _kept[key] = _decoded(source, integer)
    while len(_kept) > 2 and sum(one.nbytes for one in _kept.values()) > _KEPT_BYTES:
        _kept.popitem(last=False)
    return _kept[key]


def _decoded(source: VolumeSource, integer: bool) -> NDArray[Any]:
    try:
        voxels, affine = source.read(), source.placed()[1]
    except (InputError, ImportError):
        raise
    # nibabel and others raise errors of their own besides those of gzip, zlib and the system.
    except Exception as error:
        raise InputError(f"volume {source} cannot be read: {_reason(error)}") from error
    if voxels.ndim == 4 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    if voxels.ndim != 3:
        raise InputError(f"volume {source} has shape {voxels.shape}, expected three dimensions")
    if not np.isfinite(voxels).all():
        raise InputError(f"volume {source} holds NaN or infinite values")
    nibabel = nibabel_module()
    orientation = nibabel.orientations.io_orientation(affine)
    voxels = np.asarray(nibabel.orientations.apply_orientation(voxels, orientation))
    if integer:
        whole = voxels.astype(np.int32)
        if (whole != voxels).any():
            raise InputError(f"label volume {source} holds fractions; labels must be whole numbers")
        voxels = whole
    voxels.flags.writeable = False
    return voxels


def _reason(error: Exception) -> str:
    """The last line of a message that a reader prints with its own place in front."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


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


def depth(image: VolumeSource, label: VolumeSource, axis: int) -> int:
    """Number of slices along an anatomical axis, from the headers.

    Raises:
        InputError: a file cannot be read, or image and label volume differ in shape or lie in
            different places.
        MissingExtraError: the package that reads it is not installed.
    """
    nibabel = nibabel_module()
    shapes, places = [], []
    for source in (image, label):
        try:
            stored, affine = source.placed()
            order = nibabel.orientations.io_orientation(affine)
        except (InputError, ImportError):
            raise
        except Exception as error:
            raise InputError(f"volume {source} cannot be read: {_reason(error)}") from error
        if len(stored) < 3:
            raise InputError(f"volume {source} has shape {stored}, expected three dimensions")
        places.append(affine)
        along = [int(np.flatnonzero(order[:, 0] == a)[0]) for a in range(3)]
        shapes.append(tuple(int(stored[s]) for s in along))
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
