"""Volumes cut into slices, which are records; a volume is a subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn.functional import interpolate

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.prepared.validate import outside
from pixleak.records.readers.files.keys import SizeKey
from pixleak.records.readers.files.masks import check_named
from pixleak.records.readers.files.pixels import Size
from pixleak.records.readers.files.voxels import (
    AXES,
    VolumeSource,
    depth,
    percentiles,
    plane,
    volume,
)


@dataclass(frozen=True)
class Case:
    """One volume with its labels.

    Args:
        id: which the slices' ids begin with.
        images: one source per channel.
        label: the label volume.
        subject: whose it is; None: the volume is a subject of its own.
        group: such as the scanner, or None.
    """

    id: str
    images: tuple[VolumeSource, ...]
    label: VolumeSource
    subject: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class _Slices:
    """Cuts the i-th slice."""

    cases: tuple[Case, ...]
    at: tuple[tuple[int, int], ...]
    axis: int
    window: tuple[float, float] | None
    remap: tuple[tuple[int, int], ...]
    truth: LabelTruth
    size: Size | None

    def __call__(self, index: int) -> tuple[Tensor, Tensor]:
        number, position = self.at[index]
        layers = [self._layer(one, position) for one in self.cases[number].images]
        image = torch.from_numpy(np.stack(layers))
        labels = torch.from_numpy(self.label_plane(number, position))
        if self.size is not None:
            image = interpolate(
                image[None], self.size, mode="bilinear", antialias=True, align_corners=False
            )[0].clamp(0, 1)
            labels = interpolate(labels[None, None].double(), self.size, mode="nearest-exact")[0, 0]
        return image, labels.long()

    def _layer(self, source: VolumeSource, position: int) -> NDArray[np.float32]:
        voxels = volume(source, False)
        low, high = self.window or percentiles(voxels)
        cut = plane(voxels, self.axis, position)
        return np.clip((cut - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)

    def label_plane(self, number: int, position: int) -> NDArray[np.int32]:
        """(h, w) labels of a slice of one volume after mapping, at the volume's own size."""
        source = self.cases[number].label
        raw = plane(volume(source, True), self.axis, position)
        check_named(raw, self.remap, f"label volume {source}", "remap")
        labels = raw.copy()
        for value, label in self.remap:
            labels[raw == value] = label
        wrong = outside(torch.from_numpy(labels), self.truth)
        if wrong is not None:
            raise InputError(f"label volume {source}, slice {position}: {wrong}")
        return labels


class CutKeys(SizeKey):
    """How volumes are cut into slices.

    Volumes are brought into one orientation before they are cut. Images are resized bilinearly
    with antialiasing, labels to the nearest pixel. With ``empty: drop`` every label volume is read
    once to see which slices to keep.
    """

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

    def sliced(self, cases: Sequence[Case], truth: LabelTruth, *, where: str, name: str) -> Records:
        """The slices of all volumes, in the order of the cases.

        Args:
            cases: the volumes.
            truth: what their labels mean.
            where: they lie, for messages.
            name: what to call the set.

        Raises:
            InputError: image and label volume do not fit one another, or no slice is left.
            MissingExtraError: the package that reads the files is not installed.
        """
        axis = AXES[self.axis]
        mapping = () if self.remap is None else tuple(self.remap.items())
        cut = _Slices(tuple(cases), (), axis, self.window, mapping, truth, self.size)
        keys: list[RecordKey] = []
        at: list[tuple[int, int]] = []
        for number, case in enumerate(cases):
            counts = {depth(image, case.label, axis) for image in case.images}
            for position in range(0, counts.pop(), self.every):
                if self.empty == "drop" and _is_empty(cut.label_plane(number, position), truth):
                    continue
                subject = case.id if case.subject is None else case.subject
                keys.append(RecordKey(f"{case.id}-{position:04d}", subject, case.group))
                at.append((number, position))
        if not keys:
            raise InputError(
                f"{where}: every slice of every volume is empty; set empty to keep, so that such "
                "slices are records"
            )
        return Records(keys, replace(cut, at=tuple(at)), truth, name)


def _is_empty(labels: NDArray[np.int32], truth: LabelTruth) -> bool:
    """Whether a slice shows nothing but background and ignored pixels."""
    nothing = [label for label in (truth.background, truth.ignore) if label is not None]
    return bool(np.isin(labels, nothing).all())
