"""DICOM series with DICOM segmentations, cut into slices."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pixleak.core.errors import InputError, require
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.base import Turnable
from pixleak.records.readers.files.finding import natural
from pixleak.records.readers.files.layouts import Recognised
from pixleak.records.readers.files.nifti import nibabel_module
from pixleak.records.readers.files.slicing import Case, CutKeys
from pixleak.records.readers.files.voxels import LPS_TO_RAS

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"  # SOP class
_TAGS = (
    *("SOPClassUID", "SeriesInstanceUID", "PatientID", "Rows", "SegmentSequence"),
    *("ReferencedSeriesSequence", "InstanceNumber", "SeriesNumber", "ImagePositionPatient"),
)
_LOOKED_AT = 40  # files, by which a folder is recognised


def _package(name: str) -> Any:
    return require(name, extra="dicom", why="reading DICOM series and segmentations")


@dataclass(frozen=True)
class _Series:
    """The voxels of one series."""

    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"the series of {self.files[0]}"

    def changed(self) -> int:
        return os.stat(self.files[0]).st_mtime_ns

    def volume(self) -> Any:
        """The volume of highdicom, with its place."""
        return _volume(self.files, self.changed())

    def placed(self) -> tuple[tuple[int, ...], NDArray[np.float64]]:
        volume = self.volume()
        return tuple(map(int, volume.spatial_shape)), LPS_TO_RAS @ np.asarray(volume.affine)

    def read(self) -> NDArray[Any]:
        return np.asarray(self.volume().array, dtype=np.float32)


# A series is asked for its place, its voxels and the place of its segmentation, one after another.
@lru_cache(maxsize=1)
def _volume(files: tuple[str, ...], changed: int) -> Any:
    pydicom, highdicom = _package("pydicom"), _package("highdicom")
    slices = [pydicom.dcmread(path) for path in files]
    return highdicom.get_volume_from_series(slices, dtype=np.float32)


@dataclass(frozen=True)
class _Segmentation:
    """The labels of one segmentation, on the voxels of its series."""

    file: str
    series: _Series
    labels: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return self.file

    def changed(self) -> int:
        return os.stat(self.file).st_mtime_ns

    def placed(self) -> tuple[tuple[int, ...], NDArray[np.float64]]:
        return self.series.placed()

    def read(self) -> NDArray[Any]:
        highdicom = _package("highdicom")
        segments = highdicom.seg.segread(self.file).get_volume(combine_segments=True)
        geometry = self.series.volume().get_geometry()
        numbers = np.asarray(segments.match_geometry(geometry).array)
        found = np.zeros(numbers.shape, dtype=np.float32)
        for number, label in self.labels:
            found[numbers == number] = label
        return found


@dataclass(frozen=True)
class _Header:
    """What the header of a file says."""

    path: Path
    series: str
    patient: str
    segments: tuple[tuple[int, str], ...]
    segmented: str | None


class DicomReader(CutKeys, Turnable):
    """Series of single-frame DICOM images with DICOM-SEG files that refer to them.

    All files below the folder are looked at, whatever their names. The patient is the subject.
    Classes are the labels of the segments in alphabetical order, from 1, unless ``segments``
    numbers them. Stored values are brought to the modality's unit (Hounsfield for CT). Overlapping
    segments are refused.
    """

    name: ClassVar[str] = "dicom"
    summary: ClassVar[str] = "DICOM series with DICOM segmentations, cut into slices"
    needs: ClassVar[str] = "dicom"

    root: Located = Field(description="folder below which the files are")
    segments: dict[str, int] | None = Field(
        None, description="label of a segment -> class, from 1 on; null: in alphabetical order"
    )

    def open(self) -> Records:
        for name in ("pydicom", "highdicom"):
            _package(name)
        nibabel_module()
        if not self.root.is_dir():
            raise InputError(f"there is no folder {self.root}")
        headers = [one for path in _below(self.root) if (one := _header(path)) is not None]
        series: dict[str, list[_Header]] = {}
        segmentations = [one for one in headers if one.segmented is not None]
        for one in headers:
            if one.segmented is None:
                series.setdefault(one.series, []).append(one)
        if not segmentations:
            raise InputError(f"{self.root} holds no DICOM segmentations, of {len(headers)} files")
        labels, truth = self._classes(segmentations)
        cases = [self._case(one, series, labels) for one in segmentations]
        twice = [id_ for id_, n in Counter(str(case.images[0]) for case in cases).items() if n > 1]
        if twice:
            raise InputError(f"{twice[0]} has several segmentations; keep one for each series")
        counts = Counter(case.id for case in cases)
        named = [
            case if counts[case.id] == 1 else _numbered(case, i) for i, case in enumerate(cases)
        ]
        records = self.sliced(named, truth, where=str(self.root), name=self.root.name)
        return self.directed(records)

    def _classes(self, found: Sequence[_Header]) -> tuple[dict[str, int], LabelTruth]:
        """Label of a segment -> class, and what the classes mean."""
        names = sorted({name for one in found for _, name in one.segments})
        labels = {name: i for i, name in enumerate(names, start=1)}
        if self.segments is not None:
            labels = dict(self.segments)
            if sorted(set(labels.values())) != list(range(1, len(set(labels.values())) + 1)):
                raise InputError(f"segments must be numbered 1, 2, 3, ..., got {labels}")
            if missing := [name for name in names if name not in labels]:
                raise InputError(
                    f"{self.root}: a segment is called {missing[0]!r}, which segments does not "
                    f"name; it names {', '.join(labels)}"
                )
        classes = max(labels.values()) + 1
        one_each = len(labels) == classes - 1
        told = ("background", *sorted(labels, key=labels.__getitem__)) if one_each else ()
        return labels, LabelTruth(classes, names=told)

    def _case(
        self, found: _Header, series: dict[str, list[_Header]], labels: dict[str, int]
    ) -> Case:
        files = series.get(str(found.segmented))
        if files is None:
            raise InputError(
                f"{found.path} segments the series {found.segmented}, of which {self.root} holds "
                "no images"
            )
        image = _Series(tuple(str(one.path) for one in files))
        mapping = tuple((number, labels[name]) for number, name in found.segments)
        label = _Segmentation(str(found.path), image, mapping)
        patient = found.patient or files[0].patient
        return Case(patient or found.path.stem, (image,), label, patient or None)

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        paths = _below(folder)[:_LOOKED_AT]
        count = sum(_is_dicom(path) for path in paths)
        if not count or 2 * count < len(paths):
            return []
        evidence = f"{count} of {len(paths)} files looked at are DICOM"
        return [Recognised({"root": folder}, evidence, "likely")]


def _numbered(case: Case, number: int) -> Case:
    return Case(f"{case.id}-{number}", case.images, case.label, case.subject, case.group)


def _below(folder: Path) -> list[Path]:
    found = [
        Path(root) / name
        for root, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".")
    ]
    return sorted(found, key=lambda path: natural(str(path)))


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _header(path: Path) -> _Header | None:
    """What a file says of itself; None of files that are no images or segmentations.

    Raises:
        InputError: its header is damaged.
    """
    if not _is_dicom(path) or path.name.upper() == "DICOMDIR":
        return None
    pydicom = _package("pydicom")
    try:
        found = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
        series, patient = str(found.SeriesInstanceUID), str(found.get("PatientID", "") or "")
        if found.SOPClassUID != _SEGMENTATION:
            return _Header(path, series, patient, (), None) if "Rows" in found else None
        segments = tuple(
            (int(one.SegmentNumber), str(one.SegmentLabel)) for one in found.SegmentSequence
        )
        segmented = str(found.ReferencedSeriesSequence[0].SeriesInstanceUID)
    except Exception as error:  # whatever a damaged header makes pydicom raise
        raise InputError(f"DICOM file {path} cannot be read: {error}") from error
    return _Header(path, series, patient, segments, segmented)
