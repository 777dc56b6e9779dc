"""Outlines drawn with LabelMe, one JSON file per image."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydantic import Field

from pixleak.core.errors import InputError
from pixleak.core.paths import Located
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.records.readers.annotated.outlines import OutlinedImages, truth_of_names
from pixleak.records.readers.base import Grouping, Turnable
from pixleak.records.readers.files.finding import natural
from pixleak.records.readers.files.held_file import HeldFile
from pixleak.records.readers.files.layouts import Recognised
from pixleak.records.readers.files.raster import opened
from pixleak.records.readers.medical.case_files import json_object, looks_like

_BACKGROUND, _IGNORE = "_background_", "__ignore__"


@dataclass(frozen=True)
class _Shapes:
    """The shapes of one image, in the order in which they are drawn."""

    where: str
    shapes: tuple[tuple[int, Mapping[str, Any]], ...]

    def drawn(self, size: tuple[int, int]) -> NDArray[np.int32]:
        labels = Image.new("I", size[::-1], 0)
        for label, shape in self.shapes:
            kind = shape.get("shape_type") or "polygon"
            try:
                self._draw(labels, label, kind, shape)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{self.where}: a shape of type {kind} cannot be drawn: {error}"
                ) from error
        return np.array(labels, dtype=np.int32)

    def _draw(self, labels: Image.Image, label: int, kind: str, shape: Mapping[str, Any]) -> None:
        pen = ImageDraw.Draw(labels)
        points = [(float(x), float(y)) for x, y in shape["points"]]
        if kind == "polygon":
            if len(points) < 3:
                raise ValueError(f"it has {len(points)} points, and needs 3")
            pen.polygon(points, fill=label, outline=label)
        elif kind == "rectangle":
            (left, top), (right, bottom) = points
            pen.rectangle(
                (min(left, right), min(top, bottom), max(left, right), max(top, bottom)),
                fill=label,
                outline=label,
            )
        elif kind == "circle":
            (x, y), (on_x, on_y) = points
            radius = math.hypot(on_x - x, on_y - y)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=label, outline=label)
        elif kind == "mask":
            (left, top), _ = points
            inside = opened(HeldFile(base64.b64decode(shape["mask"]), f"{self.where} mask.png"))
            part = Image.fromarray((inside.pixels[..., 0] > 0).astype(np.uint8) * np.uint8(255))
            labels.paste(label, (round(left), round(top)), part)
        else:
            raise ValueError("it has no area; draw polygons, rectangles, circles or masks")


class LabelmeReader(OutlinedImages, Grouping, Turnable):
    """A folder of JSON files that LabelMe wrote, each with the shapes drawn on one image.

    Classes are the names of the shapes in alphabetical order, from 1, unless ``labels`` numbers
    them. Shapes are drawn in the order of the file, later ones on top; ``_background_`` is
    background, and ``__ignore__`` is ignored. Lines and points have no area and are refused.
    """

    name: ClassVar[str] = "labelme"
    summary: ClassVar[str] = "outlines drawn with LabelMe, one JSON file per image"

    root: Located = Field(description="folder of the JSON files")
    labels: dict[str, int] | None = Field(
        None, description="name -> label, from 1 on; null: in alphabetical order"
    )

    def open(self) -> Records:
        contents = {path: json_object(path, "LabelMe file") for path in _listed(self.root)}
        if not contents:
            raise InputError(f"{self.root} holds no JSON files of LabelMe")
        for path, content in contents.items():
            if not _is_labelme(content):
                raise InputError(f"{path} is no LabelMe file: it has no shapes and imagePath")
        names = {
            str(shape.get("label")) for content in contents.values() for shape in content["shapes"]
        }
        labels, truth = self._classes(names)
        outlines = [
            _Shapes(str(path), tuple((labels[str(one["label"])], one) for one in content["shapes"]))
            for path, content in contents.items()
        ]
        images = [_image(path, content) for path, content in contents.items()]
        keys = [self.key(path.stem) for path in contents]
        return self.directed(self.outlined(keys, images, outlines, truth, name=self.root.name))

    def _classes(self, names: set[str]) -> tuple[dict[str, int], LabelTruth]:
        """Name -> label, and what labels mean."""
        own = sorted(names - {_BACKGROUND, _IGNORE})
        if self.labels is not None:
            if sorted(self.labels.values()) != list(range(1, len(self.labels) + 1)):
                raise InputError(
                    f"labels must number the names 1, 2, 3, ..., got {sorted(self.labels.values())}"
                )
            if missing := [name for name in own if name not in self.labels]:
                raise InputError(
                    f"{self.root}: a shape is called {missing[0]!r}, which labels does not name; "
                    f"it names {', '.join(self.labels)}"
                )
            own = sorted(self.labels, key=self.labels.__getitem__)
        truth = truth_of_names(own, ignore=_IGNORE in names, where=str(self.root))
        labels = {name: i for i, name in enumerate(own, start=1)} | {_BACKGROUND: 0}
        return labels | ({} if truth.ignore is None else {_IGNORE: truth.ignore}), truth

    @classmethod
    def recognise(cls, folder: Path) -> list[Recognised]:
        paths = _listed(folder)
        known = [path for path in paths if looks_like(path, _is_labelme) is not None]
        if not known or len(known) < len(paths):
            return []
        evidence = f"{len(known)} JSON files have shapes and imagePath, as those of LabelMe"
        return [Recognised({"root": folder}, evidence, "certain")]


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    paths = [path for path in folder.glob("*.json") if not path.name.startswith(".")]
    return sorted(paths, key=lambda path: natural(path.name))


def _is_labelme(content: Mapping[str, Any]) -> bool:
    shapes = content.get("shapes")
    return isinstance(shapes, list) and isinstance(content.get("imagePath"), str)


def _image(path: Path, content: Mapping[str, Any]) -> str | HeldFile:
    """The image's file, or its content where that lies in the JSON file."""
    name = str(content["imagePath"]).replace("\\", "/")
    file = path.parent / name
    if file.is_file():
        return str(file)
    held = content.get("imageData")
    if not held:
        raise InputError(f"{path} names the image {file}, which does not exist, and holds no other")
    try:
        return HeldFile(base64.b64decode(held), f"{path}: {name.rpartition('/')[2]}")
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: imageData is no image: {error}") from error
