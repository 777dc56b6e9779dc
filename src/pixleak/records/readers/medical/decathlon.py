"""Lists of images and labels as the Medical Segmentation Decathlon and MONAI write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.base import Labelled
from pixleak.records.readers.files.layouts import Recognised
from pixleak.records.readers.medical.case_files import (
    VOLUMES,
    CaseFiles,
    OfCases,
    json_object,
    looks_like,
    truth_of_labels,
)


class DecathlonReader(OfCases, Labelled):
    """A JSON file with ``"training": [{"image": ..., "label": ...}, ...]``.

    An image may be a list of files, one per channel, or one file of four dimensions whose channels
    ``modality`` names. Classes are those of ``"labels"``, or else those that are set. With
    ``fold``, the items whose own ``"fold"`` is another (``part: train``) or this one (``part:
    val``), as MONAI divides them.
    """

    name: ClassVar[str] = "decathlon"
    summary: ClassVar[str] = "a list of images and labels, as the decathlon and MONAI write it"

    root: Located = Field(description="folder that the paths in the list are relative to")
    datalist: Path = Field(Path("dataset.json"), description="the list")
    section: str = Field("training", description="key of the list: training, validation")
    fold: int | None = Field(
        None, ge=0, le=999, description="of items that say theirs; null: all items"
    )
    part: Literal["all", "train", "val"] = Field(
        "all", description="of the fold: train (items of the others), val (its own) or all"
    )
    channels: int | None = Field(
        None, ge=1, le=64, description="of the images; null: as modality says, or else one"
    )

    @model_validator(mode="after")
    def _fold_with_part(self) -> DecathlonReader:
        if (self.part != "all") != (self.fold is not None):
            raise ValueError("fold and part go together: part is train or val, and fold its number")
        return self

    def open(self) -> Records:
        path = self.root / self.datalist
        content = json_object(path, "list of images and labels")
        items = content.get(self.section)
        if not isinstance(items, list):
            raise InputError(f"{path} has no list {self.section!r}; it has {', '.join(content)}")
        cases = [
            self._case(item, f"{path}, {self.section} {i}")
            for i, item in enumerate(items)
            if self._wanted(item, f"{path}, {self.section} {i}")
        ]
        if not cases:
            raise InputError(f"{path}: no item of {self.section!r} is in the part {self.part!r}")
        return self.records_of(
            cases,
            self._truth(content, path),
            channels=self._channel_count(content, cases[0]),
            where=str(path),
            name=str(content.get("name") or self.root.name),
        )

    def _truth(self, content: Mapping[str, Any], path: Path) -> LabelTruth:
        return truth_of_labels(content["labels"], path) if "labels" in content else self.truth()

    def _channel_count(self, content: Mapping[str, Any], case: CaseFiles) -> int:
        if self.channels is not None:
            return self.channels
        named = content.get("modality")
        if len(case.images) > 1:
            return len(case.images)
        if isinstance(named, Mapping) and named:
            return len(named)
        return 1 if case.label.name.lower().endswith(VOLUMES) else 3

    def _wanted(self, item: object, where: str) -> bool:
        if self.fold is None:
            return True
        if not isinstance(item, Mapping) or not isinstance(item.get("fold"), int):
            raise InputError(f"{where} says no fold, but fold is {self.fold}")
        return bool((item["fold"] == self.fold) == (self.part == "val"))

    def _case(self, item: object, where: str) -> CaseFiles:
        if not isinstance(item, Mapping) or not {"image", "label"} <= set(item):
            raise InputError(f"{where} must have image and label, got {item!r:.80}")
        given = item["image"] if isinstance(item["image"], list) else [item["image"]]
        if not given or not all(isinstance(one, str) for one in (*given, item["label"])):
            raise InputError(f"{where}: image and label must be paths, got {item!r:.80}")
        label = self.root / item["label"]
        return CaseFiles(_stem(given[0]), tuple(self.root / one for one in given), label)

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        found = []
        for path in sorted(folder.glob("*.json"))[:20]:
            content = looks_like(path, lambda one: bool(_first(one)))
            if content is None:
                continue
            first = _first(content)
            if not (folder / first).is_file():
                continue
            settings: dict[str, Any] = {"root": folder}
            if path.name != "dataset.json":
                settings["datalist"] = Path(path.name)
            count = len(content["training"])
            evidence = f'{path.name} lists {count} images with labels as "training"'
            found.append(Recognised(settings, evidence, "certain", images=(folder / first,)))
        return found


def _first(content: Mapping[str, Any]) -> str:
    """The first image of a list; raises what a content of another kind makes it raise."""
    item = content["training"][0]
    image = item["image"][0] if isinstance(item["image"], list) else item["image"]
    return str(image) if isinstance(item["label"], str) else ""


def _stem(path: str) -> str:
    """The name of a file without its folder and ending."""
    name = PurePosixPath(path).name
    ending = next(
        (one for one in VOLUMES if name.lower().endswith(one)), PurePosixPath(name).suffix
    )
    return name[: len(name) - len(ending)]
