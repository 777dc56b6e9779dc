"""The raw data of an nnU-Net data set, or the side of one of its folds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.records.base import Records
from pixleak.records.readers.files.finding import natural
from pixleak.records.readers.files.layouts import Recognised
from pixleak.records.readers.medical.case_files import (
    VOLUMES,
    CaseFiles,
    OfCases,
    json_object,
    looks_like,
    truth_of_labels,
)

Part = Literal["all", "train", "val"]


class NnunetReader(OfCases):
    """``imagesTr``, ``labelsTr`` and ``dataset.json`` of an nnU-Net data set (version 1 or 2).

    Channels are files of their own, ``case_0000``, ``case_0001``; classes and file ending are those
    of ``dataset.json``. With ``fold``, the cases that a fold of ``splits_final.json`` trains on or
    validates on: ``part: train`` are the members of a model of that fold, ``part: val`` comparable
    non-members.
    """

    name: ClassVar[str] = "nnunet"
    summary: ClassVar[str] = "raw data of an nnU-Net data set, or the sides of a fold"

    root: Located = Field(description="folder of the data set, such as nnUNet_raw/Dataset001_Name")
    fold: int | None = Field(None, ge=0, le=999, description="of splits_final.json; null: no fold")
    part: Part = Field(
        "all", description="of the fold: train (its members), val (its non-members) or all"
    )
    splits: Located | None = Field(
        None,
        description="splits_final.json, which nnU-Net keeps in nnUNet_preprocessed; null: the one "
        "in root",
    )

    @model_validator(mode="after")
    def _fold_with_part(self) -> NnunetReader:
        if (self.part != "all") != (self.fold is not None):
            raise ValueError("fold and part go together: part is train or val, and fold its number")
        return self

    def open(self) -> Records:
        path = self.root / "dataset.json"
        content = json_object(path, "description of an nnU-Net data set")
        channels = _channels(content, path)
        ending = str(content.get("file_ending", ".nii.gz"))
        cases = _listed(content, path) or self._found(channels, ending)
        wanted = self._chosen()
        if wanted is not None:
            if lost := wanted - {case.id for case in cases}:
                raise InputError(
                    f"{self._splits}: fold {self.fold} names the case {min(lost)!r}, which "
                    f"{self.root} does not hold"
                )
            cases = [case for case in cases if case.id in wanted]
        truth = truth_of_labels(content.get("labels"), path)
        where = str(self.root)
        return self.records_of(cases, truth, channels=channels, where=where, name=self.root.name)

    def _found(self, channels: int, ending: str) -> list[CaseFiles]:
        images, labels = self.root / "imagesTr", self.root / "labelsTr"
        for folder in (images, labels):
            if not folder.is_dir():
                raise InputError(f"there is no folder {folder}")
        names = [path.name for path in labels.iterdir() if not path.name.startswith(".")]
        stems = [name.removesuffix(ending) for name in names if name.endswith(ending)]
        if not stems:
            raise InputError(f"{labels} holds no files that end in {ending}, as dataset.json says")
        return [
            CaseFiles(stem, _of_case(images, stem, channels, ending), labels / f"{stem}{ending}")
            for stem in sorted(stems, key=natural)
        ]

    @property
    def _splits(self) -> Path:
        return self.root / "splits_final.json" if self.splits is None else self.splits

    def _chosen(self) -> set[str] | None:
        """The cases of the part of the fold; None for all."""
        if self.fold is None:
            return None
        path = self._splits
        try:
            folds = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise InputError(
                f"there is no file {path}; say with splits where splits_final.json is "
                "(nnUNet_preprocessed/...)"
            ) from error
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error
        if not isinstance(folds, list) or not all(isinstance(one, Mapping) for one in folds):
            raise InputError(f"{path} holds no list of folds with train and val")
        if self.fold >= len(folds):
            raise InputError(f"{path} has {len(folds)} folds, numbered from 0; fold is {self.fold}")
        cases = folds[self.fold].get(self.part)
        if not isinstance(cases, list) or not cases:
            raise InputError(f"{path}: fold {self.fold} names no cases as {self.part!r}")
        return {str(case) for case in cases}

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        content = looks_like(folder / "dataset.json", _is_raw)
        if content is None:
            return []
        ending = str(content.get("file_ending", ".nii.gz"))
        images = tuple(sorted((folder / "imagesTr").glob(f"*_0000{ending}")))
        if not images and not content.get("dataset"):
            return []
        evidence = "dataset.json names channels and labels, as that of nnU-Net does"
        lacking = tuple(
            f"image {path} has no labels"
            for path in images
            if not (folder / "labelsTr" / path.name.replace(f"_0000{ending}", ending)).is_file()
        )
        problems = () if content.get("dataset") else lacking
        return [Recognised({"root": folder}, evidence, "certain", problems, images)]


def _is_raw(content: Mapping[str, Any]) -> bool:
    return "labels" in content and ("channel_names" in content or "modality" in content)


def _channels(content: Mapping[str, Any], path: Path) -> int:
    named = content.get("channel_names", content.get("modality"))
    if not isinstance(named, Mapping) or not named:
        raise InputError(
            f'{path}: channel_names must name the channels, as in {{"0": "CT"}}, got {named!r}'
        )
    return len(named)


def _of_case(folder: Path, stem: str, channels: int, ending: str) -> tuple[Path, ...]:
    """A file per channel; or one with all of them, as natural images in colour have."""
    files = tuple(folder / f"{stem}_{i:04d}{ending}" for i in range(channels))
    flat = not ending.lower().endswith(VOLUMES)
    alone = flat and files[0].is_file() and not any(path.is_file() for path in files[1:])
    return files[:1] if alone else files


def _listed(content: Mapping[str, Any], path: Path) -> list[CaseFiles]:
    """Cases whose files ``dataset.json`` names one by one; none where their names say it."""
    stored = content.get("dataset")
    if stored is None:
        return []
    try:
        return [
            CaseFiles(
                str(case),
                tuple(path.parent / one for one in files["images"]),
                path.parent / files["label"],
            )
            for case, files in sorted(stored.items(), key=lambda item: natural(str(item[0])))
        ]
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: dataset must name images and label of each case ({error!r})"
        ) from error
