"""Volumes cut into slices; every slice has its volume as subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from pixleak.core.errors import InputError, MissingExtraError
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.base import Labelled, Turnable, label_fields, read
from pixleak.records.readers.files.finding import channel_files, matched
from pixleak.records.readers.files.layouts import (
    Matching,
    Recognised,
    matching_folders,
    relative,
)
from pixleak.records.readers.files.nifti import nibabel_module, volume_files
from pixleak.records.readers.files.slicing import Case, CutKeys
from pixleak.records.readers.files.voxels import VolumeFile, volume

_MOST_LABELS = 300  # of a label volume, by which it is told from an image


class VolumesReader(Labelled, CutKeys, Turnable):
    """NIfTI, MetaImage or NRRD volumes cut into slices; a volume is a subject.

    Volumes are brought into one orientation before they are cut. Images are resized bilinearly
    with antialiasing, labels to the nearest pixel. With ``empty: drop`` every label volume is read
    once to see which slices to keep. MetaImage and NRRD need the extra ``itk`` as well.
    """

    name: ClassVar[str] = "volumes"
    summary: ClassVar[str] = (
        "NIfTI, MetaImage or NRRD volumes cut into slices; a volume is a subject"
    )
    needs: ClassVar[str] = "nifti"

    root: Located = Field(
        Path(), validate_default=True, description="what images and labels are relative to"
    )
    images: Path = Field(
        Path("imagesTr"), description="folder of volumes (.nii, .nii.gz, .mha, .mhd, .nrrd)"
    )
    labels: Path = Field(Path("labelsTr"), description="folder of label volumes")

    def open(self) -> Records:
        nibabel_module()
        images, labels = self.root / self.images, self.root / self.labels
        found = volume_files(labels)
        files = matched(
            _one_channel(volume_files(images), found), found, ("volume", "label volume")
        )
        cases = [
            Case(stem, (VolumeFile(str(image)),), VolumeFile(str(label)))
            for stem, image, label in files
        ]
        records = self.sliced(cases, self.truth(), where=str(images), name=images.name)
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
            counts.append(len(np.unique(volume(VolumeFile(str(path)), False))))
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


def read_volumes(
    images: Path,
    labels: Path,
    *,
    truth: LabelTruth | None = None,
    name: str | None = None,
    **options: Any,
) -> Records:
    """Records of volumes and their label volumes, matched by stem.

    Args:
        images: folder of .nii, .nii.gz, .mha, .mhd or .nrrd files.
        labels: folder of such files, one per image volume.
        truth: the classes; background and foreground if None.
        name: what to call the set; the image folder's name if None.
        **options: fields of :class:`VolumesReader`: ``axis``, ``window``, ``empty``, ``every``,
            ``remap``, ``size``, ``direction``.

    Raises:
        InputError: a missing folder, a volume without its partner, a damaged volume, sizes that
            differ, an option that does not fit, or no slice left.
        MissingExtraError: nibabel, or SimpleITK where it is needed, is not installed.
    """
    return read(
        VolumesReader, name=name, images=images, labels=labels, **label_fields(truth), **options
    )
