"""A BIDS data set: images under ``sub-*``, label volumes under ``derivatives``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.records.base import Records
from pixleak.records.readers.base import Labelled
from pixleak.records.readers.files.finding import natural
from pixleak.records.readers.files.layouts import Recognised, Strength
from pixleak.records.readers.medical.case_files import CaseFiles, OfCases

_ENDINGS = (".nii.gz", ".nii")
_OF_THE_IMAGE = ("sub", "ses", "acq", "run")
"""Entities in which an image and its labels must agree, where the labels name them."""


class BidsReader(OfCases, Labelled):
    """A BIDS data set with segmentations among its derivatives.

    Images are ``sub-*/[ses-*/]anat/*_T1w.nii.gz``, labels ``derivatives/**/sub-*_dseg.nii.gz`` of
    the same subject, session, acquisition and run. The subject is that of BIDS, the group the
    session.
    """

    name: ClassVar[str] = "bids"
    summary: ClassVar[str] = "a BIDS data set whose derivatives hold segmentations"
    needs: ClassVar[str] = "nifti"

    root: Located = Field(description="folder of the data set")
    suffix: str = Field("T1w", description="of the images: T1w, T2w, FLAIR, bold")
    label_suffix: str = Field("dseg", description="of the label volumes: dseg, mask")
    labels: Path = Field(Path("derivatives"), description="folder below which labels are")
    label_entities: dict[str, str] = Field(
        {}, description="which labels, where several fit: {desc: manual}"
    )

    def open(self) -> Records:
        images = _files(self.root, f"sub-*/**/*_{self.suffix}", below=self.root / self.labels)
        if not images:
            raise InputError(
                f"{self.root} holds no files sub-*/**/*_{self.suffix}.nii.gz; say with suffix what "
                "images are called"
            )
        labels = _files(self.root / self.labels, f"**/sub-*_{self.label_suffix}")
        cases = [self._case(image, labels) for image in images]
        where = str(self.root)
        return self.records_of(
            cases, self.truth(), channels=1, where=where, name=self.root.resolve().name
        )

    def _case(self, image: Path, labels: list[Path]) -> CaseFiles:
        mine = _entities(image)
        fitting = [path for path in labels if self._fits(mine, _entities(path))]
        if not fitting:
            raise InputError(
                f"image {image} has no labels: expected a file *_{self.label_suffix}.nii.gz of "
                f"sub-{mine['sub']} below {self.root / self.labels}"
            )
        if len(fitting) > 1:
            raise InputError(
                f"image {image} has {len(fitting)} label volumes, such as {fitting[0]} and "
                f"{fitting[1]}; say which with labels (a folder below derivatives) or "
                "label_entities, as in {desc: manual}"
            )
        stem = image.name.removesuffix(f"_{self.suffix}{_ending(image)}")
        session = mine.get("ses")
        return CaseFiles(
            stem,
            (image,),
            fitting[0],
            f"sub-{mine['sub']}",
            None if session is None else f"ses-{session}",
        )

    def _fits(self, image: Mapping[str, str], label: Mapping[str, str]) -> bool:
        agree = all(
            image.get(one) == label.get(one)
            for one in _OF_THE_IMAGE
            if one in label or one in ("sub", "ses")
        )
        return agree and all(label.get(key) == one for key, one in self.label_entities.items())

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        if not (folder / "derivatives").is_dir():
            return []
        labels = _files(folder / "derivatives", "**/sub-*_dseg")
        if not labels:
            return []
        found = []
        described = (folder / "dataset_description.json").is_file()
        suffixes = {
            path.name.rpartition("_")[2].partition(".")[0]
            for path in _files(folder, "sub-*/**/*", below=folder / "derivatives")
        }
        for suffix in sorted(suffixes):
            images = _files(folder, f"sub-*/**/*_{suffix}", below=folder / "derivatives")
            if len(images) != len(labels) and suffix != "T1w":
                continue
            settings = {"root": folder} | ({} if suffix == "T1w" else {"suffix": suffix})
            counted = f"{len(images)} images sub-*_{suffix}, {len(labels)} label volumes"
            sure: Strength = "certain" if described else "likely"
            found.append(Recognised(settings, f"{counted}, as in BIDS", sure, images=tuple(images)))
        return found


def _files(folder: Path, pattern: str, below: Path | None = None) -> list[Path]:
    """NIfTI files that fit a pattern, but none below another folder."""
    found = [path for ending in _ENDINGS for path in folder.glob(f"{pattern}{ending}")]
    kept = [path for path in found if below is None or below not in path.parents]
    return sorted(kept, key=lambda path: natural(str(path)))


def _ending(path: Path) -> str:
    return next(one for one in _ENDINGS if path.name.endswith(one))


def _entities(path: Path) -> dict[str, str]:
    """``sub-01_ses-2_T1w`` -> {"sub": "01", "ses": "2"}."""
    parts = path.name.removesuffix(_ending(path)).split("_")[:-1]
    return dict(part.split("-", 1) for part in parts if "-" in part)
