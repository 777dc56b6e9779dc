"""Cases of flat images or of volumes, of one file or of one file per channel, with their labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.readers.base import Turnable
from pixleak.records.readers.files.finding import SUFFIXES
from pixleak.records.readers.files.keys import ImageKeys
from pixleak.records.readers.files.masks import LabelReader
from pixleak.records.readers.files.slicing import Case, CutKeys
from pixleak.records.readers.files.voxels import ITK, NIFTI, VolumeFile, VolumeSource
from pixleak.records.readers.folders import masked_images

VOLUMES = (*NIFTI, *ITK)
"""Endings of the files of volumes."""


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case.

    Args:
        id: of the case.
        images: one per channel, or one with all channels.
        label: the mask, or the label volume.
        subject: whose it is; None: a volume is a subject of its own, a flat image has none.
        group: such as the session, or None.
    """

    id: str
    images: tuple[Path, ...]
    label: Path
    subject: str | None = None
    group: str | None = None


class OfCases(CutKeys, ImageKeys, Turnable):
    """Fields of a reader of cases, and how they become records.

    Volumes (NIfTI, MetaImage, NRRD) are cut into slices; flat images are records as they are.
    """

    def records_of(
        self,
        cases: Sequence[CaseFiles],
        truth: LabelTruth,
        *,
        channels: int,
        where: str,
        name: str,
    ) -> Records:
        """The records of all cases, which are of one kind.

        Args:
            cases: with their files.
            truth: what labels mean.
            channels: of an image.
            where: the cases lie, for messages.
            name: what to call the set.

        Raises:
            InputError: there are none, a file is missing or of no known kind, or volumes do not
                fit their labels.
            MissingExtraError: the package that reads the files is not installed.
        """
        if not cases:
            raise InputError(f"{where}: there are no cases")
        for case in cases:
            for path in (*case.images, case.label):
                if not path.is_file():
                    raise InputError(f"{where}: case {case.id!r} has no file {path}")
        flat = [_is_flat(case) for case in cases]
        if any(flat) != all(flat):
            other = cases[flat.index(not flat[0])]
            raise InputError(
                f"{where}: {cases[0].label.name} and {other.label.name} are a flat image and a "
                "volume; all cases must be of one kind"
            )
        if flat[0]:
            return self.directed(self._flat(cases, truth, channels, name))
        volumes = [
            Case(
                case.id,
                _sources(case.images, channels),
                VolumeFile(str(case.label)),
                case.subject,
                case.group,
            )
            for case in cases
        ]
        return self.directed(self.sliced(volumes, truth, where=where, name=name))

    def _flat(
        self, cases: Sequence[CaseFiles], truth: LabelTruth, channels: int, name: str
    ) -> Records:
        mapping = None if self.remap is None else tuple(self.remap.items())
        return masked_images(
            [RecordKey(case.id, case.subject, case.group) for case in cases],
            [case.images for case in cases],
            [case.label for case in cases],
            self.image_reader(channels),
            LabelReader(truth, mapping, exif=self.exif),
            name=name,
        )


def _is_flat(case: CaseFiles) -> bool:
    kinds = set()
    for path in (*case.images, case.label):
        volume = path.name.lower().endswith(VOLUMES)
        if not volume and path.suffix.lower() not in SUFFIXES:
            raise InputError(
                f"{path} is neither an image nor a volume ({', '.join(VOLUMES)}) that can be read"
            )
        kinds.add(volume)
    if len(kinds) > 1:
        raise InputError(f"{case.images[0]} and {case.label} are a flat image and a volume")
    return kinds == {False}


def _sources(images: Sequence[Path], channels: int) -> tuple[VolumeSource, ...]:
    """One source per channel, of files of their own or of one file of four dimensions."""
    if len(images) == 1 and channels > 1:
        return tuple(VolumeFile(str(images[0]), one, channels) for one in range(channels))
    return tuple(VolumeFile(str(path)) for path in images)


def json_object(path: Path, what: str) -> Mapping[str, Any]:
    """The object that a JSON file holds.

    Args:
        path: of the file.
        what: it is, for messages.

    Raises:
        InputError: it is missing, or holds none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"there is no {what} {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{what} {path} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise InputError(f"{what} {path} holds no object of names and values")
    return content


def looks_like(path: Path, known: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any] | None:
    """The object of a JSON file if it is of a known kind; None otherwise, whatever is wrong."""
    try:
        content = json_object(path, "file")
        return content if known(content) else None
    except (InputError, AttributeError, KeyError, TypeError):
        return None


def truth_of_labels(labels: object, path: Path) -> LabelTruth:
    """The classes of ``"labels"``, name -> number (nnU-Net 2) or number -> name (decathlon).

    A label called ``ignore`` is ignored. A region, such as ``"whole tumor": [1, 2, 3]``, is made of
    labels that need no names of their own.

    Raises:
        InputError: it is neither, or its numbers are not 0, 1, 2, ...
    """
    if not isinstance(labels, Mapping) or not labels:
        raise InputError(f"{path}: labels must be an object of names and numbers, got {labels!r}")
    numbers: dict[int, str] = {}
    ignore: int | None = None
    try:
        for key, value in labels.items():
            if isinstance(value, list):
                numbers |= {int(one): "" for one in value if int(one) not in numbers}
            elif str(key).lstrip("-").isdecimal():
                numbers[int(key)] = str(value)
            elif str(key) == "ignore":
                ignore = int(value)
            else:
                numbers[int(value)] = str(key)
    except (TypeError, ValueError):
        raise InputError(
            f"{path}: labels must be names with whole numbers, got {labels!r}"
        ) from None
    if sorted(numbers) != list(range(len(numbers))):
        raise InputError(f"{path}: labels must be numbered 0, 1, 2, ..., got {sorted(numbers)}")
    names = tuple(numbers[i] for i in range(len(numbers)))
    return LabelTruth(len(numbers), ignore, names if all(names) else ())
