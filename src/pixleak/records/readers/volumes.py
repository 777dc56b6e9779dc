"""NIfTI volumes cut into slices; every slice has its volume as subject."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn.functional import interpolate

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.prepared.validate import outside
from pixleak.records.readers.base import Labelled, Resizing, Turnable, label_fields, read
from pixleak.records.readers.files.finding import channel_files, matched
from pixleak.records.readers.files.layouts import (
    Matching,
    Recognised,
    matching_folders,
    relative,
)
from pixleak.records.readers.files.masks import check_named
from pixleak.records.readers.files.nifti import (
    AXES,
    depth,
    nibabel_module,
    percentiles,
    plane,
    volume,
    volume_files,
)
from pixleak.records.readers.files.pixels import Size

_MOST_LABELS = 300  # of a label volume, by which it is told from an image


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
        number, position = self.at[index]
        voxels = volume(self.images[number], False)
        low, high = self.window or percentiles(voxels)
        cut = plane(voxels, self.axis, position)
        scaled = np.clip((cut - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
        image = torch.from_numpy(scaled)[None]
        labels = torch.from_numpy(self.label_plane(number, position))
        if self.size is not None:
            image = interpolate(
                image[None], self.size, mode="bilinear", antialias=True, align_corners=False
            )[0].clamp(0, 1)
            labels = interpolate(labels[None, None].double(), self.size, mode="nearest-exact")[0, 0]
        return image, labels.long()

    def label_plane(self, number: int, position: int) -> NDArray[np.int32]:
        """(h, w) labels of a slice of one volume after mapping, at the volume's own size."""
        raw = plane(volume(self.labels[number], True), self.axis, position)
        check_named(raw, self.remap, f"label volume {self.labels[number]}", "remap")
        labels = raw.copy()
        for value, label in self.remap:
            labels[raw == value] = label
        wrong = outside(torch.from_numpy(labels), self.truth)
        if wrong is not None:
            raise InputError(f"label volume {self.labels[number]}, slice {position}: {wrong}")
        return labels


class VolumesReader(Labelled, Resizing, Turnable):
    """NIfTI volumes cut into slices; a volume is a subject.

    Volumes are brought into one orientation before they are cut. Images are resized bilinearly
    with antialiasing, labels to the nearest pixel. With ``empty: drop`` every label volume is read
    once to see which slices to keep.
    """

    name: ClassVar[str] = "volumes"
    summary: ClassVar[str] = "NIfTI volumes cut into slices; a volume is a subject"
    needs: ClassVar[str] = "nifti"

    root: Located = Field(
        Path(), validate_default=True, description="what images and labels are relative to"
    )
    images: Path = Field(Path("imagesTr"), description="folder of volumes (.nii, .nii.gz)")
    labels: Path = Field(Path("labelsTr"), description="folder of label volumes")
    axis: Literal["sagittal", "coronal", "axial"] = Field("axial", description="plane of the cuts")
    window: tuple[float, float] | None = Field(
        None,
        description="values that become 0 and 1, in the volume's unit (Hounsfield for CT); null: "
        "the 0.5th and 99.5th percentile of each volume",
    )
    empty: Literal["keep", "drop"] = Field("keep", description="slices without foreground")
    every: int = Field(1, ge=1, le=100_000, description="keep every n-th slice")
    remap: dict[int, int] | None = Field(
        None, description="value in the file -> class; other values are kept"
    )

    @field_validator("window")
    @classmethod
    def _ordered(cls, window: tuple[float, float] | None) -> tuple[float, float] | None:
        if window is not None and not window[0] < window[1]:
            raise ValueError(f"window must be (low, high) with low < high, got {window}")
        return window

    def open(self) -> Records:
        nibabel_module()
        images, labels = self.root / self.images, self.root / self.labels
        found = volume_files(labels)
        files = matched(
            _one_channel(volume_files(images), found), found, ("volume", "label volume")
        )
        axis, truth = AXES[self.axis], self.truth()
        cut = _Slices(
            tuple(str(image) for _, image, _ in files),
            tuple(str(label) for _, _, label in files),
            (),
            axis,
            self.window,
            () if self.remap is None else tuple(self.remap.items()),
            truth,
            self.size,
        )
        keys: list[RecordKey] = []
        at: list[tuple[int, int]] = []
        for number, (stem, image, label) in enumerate(files):
            for position in range(0, depth(image, label, axis), self.every):
                if self.empty == "drop" and _is_empty(cut.label_plane(number, position), truth):
                    continue
                keys.append(RecordKey(f"{stem}-{position:04d}", subject=stem))
                at.append((number, position))
        if not keys:
            raise InputError(
                f"{images}: every slice of every volume is empty; set empty to keep, so that "
                "such slices are records"
            )
        records = Records(keys, replace(cut, at=tuple(at)), truth, images.name)
        return self.directed(records)

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        found = []
        for one in matching_folders(folder, volume_files, ("volume", "label volume")):
            if not _labels_second(one):
                continue
            settings = {
                "root": folder,
                "images": relative(folder, one.first),
                "labels": relative(folder, one.second),
            }
            images = tuple(paths[0] for paths, _ in one.files.values())
            found.append(Recognised(settings, one.counted, "likely", one.lacking, images))
        return found


def _labels_second(matching: Matching) -> bool:
    """Whether label volumes are those of the second folder: whole numbers, few of them."""
    counts = []
    paths, label = next(iter(matching.files.values()))
    for path in (paths[0], label):
        try:
            counts.append(len(np.unique(volume(str(path), False))))
        except (InputError, MissingExtraError):
            return False
    return counts[1] < counts[0] and counts[1] <= _MOST_LABELS


def _one_channel(images: dict[str, Path], labels: dict[str, Path]) -> dict[str, Path]:
    """Volumes by case: nnU-Net calls the only channel of a case ``case_0000``.

    Raises:
        InputError: cases have several channels.
    """
    cases = channel_files(images, labels)
    several = next((paths for paths in cases.values() if len(paths) > 1), None)
    if several is not None:
        raise InputError(
            f"{several[0]} and {several[1].name} are channels of one case, and a slice has one; "
            "put the volumes of one channel into a folder of their own"
        )
    return {case: paths[0] for case, paths in cases.items()}


def _is_empty(labels: NDArray[np.int32], truth: LabelTruth) -> bool:
    """Whether a slice shows nothing but background and ignored pixels."""
    nothing = [label for label in (truth.background, truth.ignore) if label is not None]
    return bool(np.isin(labels, nothing).all())


def read_volumes(
    images: Path,
    labels: Path,
    *,
    truth: LabelTruth | None = None,
    name: str | None = None,
    **options: Any,
) -> Records:
    """Records of NIfTI volumes and their label volumes, matched by stem.

    Args:
        images: folder of .nii or .nii.gz files.
        labels: folder of .nii or .nii.gz files, one per image volume.
        truth: the classes; background and foreground if None.
        name: what to call the set; the image folder's name if None.
        **options: fields of :class:`VolumesReader`: ``axis``, ``window``, ``empty``, ``every``,
            ``remap``, ``size``, ``direction``.

    Raises:
        InputError: a missing folder, a volume without its partner, a damaged volume, sizes that
            differ, an option that does not fit, or no slice left.
        MissingExtraError: nibabel is not installed.
    """
    return read(
        VolumesReader, name=name, images=images, labels=labels, **label_fields(truth), **options
    )
