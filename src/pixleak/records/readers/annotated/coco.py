"""Annotations in the format of COCO, drawn as label maps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pixleak.core.errors import InputError, require
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.annotated.outlines import OutlinedImages, truth_of_names
from pixleak.records.readers.base import Grouping, Turnable
from pixleak.records.readers.files.finding import natural
from pixleak.records.readers.files.layouts import Recognised, folders_below
from pixleak.records.readers.medical.case_files import json_object, looks_like

_LARGEST = 300 * 2**20  # bytes of an annotation file that is looked at to recognise it


def _masks_module() -> Any:
    return require("pycocotools.mask", extra="coco", why="drawing the annotations of COCO")


@dataclass(frozen=True)
class _Segments:
    """The annotations of one image: (label, outline), the one on top last."""

    where: str
    size: tuple[int, int]
    outlines: tuple[tuple[int, Any], ...]

    def drawn(self, size: tuple[int, int]) -> NDArray[np.int32]:
        if size != self.size:
            raise InputError(
                f"{self.where} is {size[1]} x {size[0]} pixels wide and high, but its annotations "
                f"say {self.size[1]} x {self.size[0]}"
            )
        masks = _masks_module()
        labels = np.zeros(size, dtype=np.int32)
        for label, outline in self.outlines:
            try:
                with warnings.catch_warnings():
                    # pycocotools converts arrays in a way that numpy 2 warns of.
                    warnings.filterwarnings("ignore", "__array__", DeprecationWarning)
                    inside = _inside(masks, outline, size)
            except Exception as error:  # whatever pycocotools makes of it
                raise InputError(f"{self.where}: an annotation cannot be drawn: {error}") from error
            if inside.shape != size:
                raise InputError(
                    f"{self.where}: an annotation is drawn on {inside.shape[1]} x "
                    f"{inside.shape[0]} pixels, the image has {size[1]} x {size[0]}"
                )
            labels[inside.astype(bool)] = label
        return labels


def _inside(masks: Any, outline: Any, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w) 1 inside of an outline: polygons, or runs of pixels as numbers or as text."""
    runs = outline
    if isinstance(outline, list):
        runs = masks.merge(masks.frPyObjects(outline, *size))
    elif isinstance(outline["counts"], list):
        runs = masks.frPyObjects(outline, *size)
    return np.asarray(masks.decode(runs))


class CocoReader(OutlinedImages, Grouping, Turnable):
    """Images with annotations in the format of COCO: a class for each category, and background.

    Classes are the categories in the order of their ids, from 1. Where annotations overlap the
    smaller one is on top. An image without annotations is background. What is annotated as a crowd
    is ignored, or drawn as the others are.
    """

    name: ClassVar[str] = "coco"
    summary: ClassVar[str] = "images with annotations in the format of COCO, drawn as label maps"
    needs: ClassVar[str] = "coco"

    root: Located = Field(description="folder of the data set")
    annotations: Path = Field(Path("annotations.json"), description="the file of annotations")
    images: Path = Field(Path("images"), description="folder that the names of images start from")
    crowd: Literal["ignore", "draw"] = Field("ignore", description="what iscrowd marks")

    def open(self) -> Records:
        _masks_module()
        path, folder = self.root / self.annotations, self.root / self.images
        content = json_object(path, "file of COCO annotations")
        labels, truth = self._classes(content, path)
        try:
            listed = sorted(content["images"], key=lambda one: natural(one["file_name"]))
            drawn = self._drawn(content, labels, truth)
            keys = [
                self.key(str(PurePosixPath(one["file_name"]).with_suffix(""))) for one in listed
            ]
            files = [folder / one["file_name"] for one in listed]
            outlines = [
                _Segments(
                    str(file),
                    (int(one["height"]), int(one["width"])),
                    tuple(drawn.get(one["id"], ())),
                )
                for one, file in zip(listed, files, strict=True)
            ]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} is not as COCO describes annotations: {type(error).__name__}: {error}"
            ) from error
        if lost := [file for file in files if not file.is_file()]:
            more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
            raise InputError(
                f"there is no image {lost[0]}{more}, which {path} names; say with images where "
                "they are"
            )
        records = self.outlined(keys, list(map(str, files)), outlines, truth, name=folder.name)
        return self.directed(records)

    def _classes(self, content: Mapping[str, Any], path: Path) -> tuple[dict[Any, int], LabelTruth]:
        """Category id -> label, and what labels mean."""
        try:
            known = sorted(content["categories"], key=lambda one: int(one["id"]))
            labels = {one["id"]: i for i, one in enumerate(known, start=1)}
            names = [str(one["name"]) for one in known]
            crowds = any(one.get("iscrowd") for one in content["annotations"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} is not as COCO describes annotations: {type(error).__name__}: {error}"
            ) from error
        ignored = crowds and self.crowd == "ignore"
        return labels, truth_of_names(names, ignore=ignored, where=str(path))

    def _drawn(
        self, content: Mapping[str, Any], labels: Mapping[Any, int], truth: LabelTruth
    ) -> dict[Any, list[tuple[int, Any]]]:
        """Image id -> label and outline of each annotation, the largest first."""
        found: dict[Any, list[tuple[int, Any]]] = {}
        for one in sorted(content["annotations"], key=lambda one: -float(one.get("area", 0))):
            if not one.get("segmentation"):
                continue  # a box alone
            ignored = one.get("iscrowd") and truth.ignore is not None
            label = truth.ignore if ignored else labels[one["category_id"]]
            assert label is not None
            found.setdefault(one["image_id"], []).append((label, one["segmentation"]))
        return found

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        found = []
        for path in sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])[:20]:
            if path.stat().st_size > _LARGEST:
                continue
            content = looks_like(path, _is_coco)
            if content is None:
                continue
            first = str(content["images"][0]["file_name"])
            places = [one for one in folders_below(folder) if (one / first).is_file()]
            for place in places[:1]:
                settings = {
                    "root": folder,
                    "annotations": path.relative_to(folder),
                    "images": place.relative_to(folder),
                }
                evidence = f"{path.name} has images, annotations and categories, as COCO has"
                images = tuple(place / one["file_name"] for one in content["images"])
                found.append(Recognised(settings, evidence, "certain", images=images))
        return found


def _is_coco(content: Mapping[str, Any]) -> bool:
    named = all(isinstance(content[key], list) for key in ("images", "annotations", "categories"))
    return (
        named
        and bool(content["images"][0]["file_name"])
        and any(one.get("segmentation") for one in content["annotations"])
    )
