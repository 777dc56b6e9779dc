"""Cityscapes: finely labelled street scenes of fifty cities, 19 training classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.readers.named.base import NamedSet, root_with

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.records.readers.files.keys import FileKeys
    from pixleak.records.readers.labels_to_photo import InstanceEdges

# Label id in the files -> name, in the order of the 19 training ids; all other ids are void.
_CLASSES = {
    7: "road",
    8: "sidewalk",
    11: "building",
    12: "wall",
    13: "fence",
    17: "pole",
    19: "traffic light",
    20: "traffic sign",
    21: "vegetation",
    22: "terrain",
    23: "sky",
    24: "person",
    25: "rider",
    26: "car",
    27: "truck",
    28: "bus",
    31: "train",
    32: "motorcycle",
    33: "bicycle",
}
_TRUTH = LabelTruth(19, ignore=255, names=tuple(_CLASSES.values()), background=None)


_PARTS = ("train", "val")


def open_cityscapes(
    root: Path,
    size: tuple[int, int] | None = None,
    *,
    parts: tuple[str, ...] = _PARTS,
    files: FileKeys | None = None,
) -> Records:
    """Frames of ``leftImg8bit/PART/CITY`` and ``gtFine/PART/CITY``; the city is the group.

    The test part is left out by default, because its published labels are all void.
    """
    from pixleak.records.base import RecordKey
    from pixleak.records.readers.files.finding import matched
    from pixleak.records.readers.files.keys import FileKeys
    from pixleak.records.readers.files.masks import LabelReader
    from pixleak.records.readers.folders import masked_images

    folder = root_with(root, ("cityscapes", "Cityscapes"), ("leftImg8bit", "gtFine"), "cityscapes")
    how = files or FileKeys()
    keys, images, labels = [], [], []
    for part in parts:
        if not (folder / "leftImg8bit" / part).is_dir():
            raise InputError(f"cityscapes: there is no folder {folder / 'leftImg8bit' / part}")
        for city in sorted(path for path in (folder / "leftImg8bit" / part).iterdir()):
            if not city.is_dir():
                continue
            found = matched(
                how.found(city, "_leftImg8bit"),
                how.found(folder / "gtFine" / part / city.name, "_gtFine_labelIds"),
                ("image", "label map"),
            )
            keys += [RecordKey(stem, group=city.name) for stem, _, _ in found]
            images += [image for _, image, _ in found]
            labels += [label for _, _, label in found]
    values = tuple((label, train) for train, label in enumerate(_CLASSES))
    return masked_images(
        keys,
        images,
        labels,
        replace(how.image_reader(how.channels), size=size),
        how.over(LabelReader(_TRUTH, values=values, other=255), how.exif),
        name="cityscapes",
    )


def edges_of(root: Path, size: tuple[int, int] | None = None) -> InstanceEdges | None:
    """Edges between instances, in the order of the records; None if no frame has instances.

    Raises:
        InputError: some frames have instances and others do not.
    """
    from pixleak.records.readers.files.finding import image_files
    from pixleak.records.readers.labels_to_photo import InstanceEdges

    folder = root_with(root, ("cityscapes", "Cityscapes"), ("leftImg8bit", "gtFine"), "cityscapes")
    files: list[str] = []
    lacking: list[str] = []
    for part in _PARTS:
        for city in sorted(path for path in (folder / "leftImg8bit" / part).iterdir()):
            if not city.is_dir():
                continue
            truths = folder / "gtFine" / part / city.name
            for stem in image_files(city, "_leftImg8bit"):
                path = truths / f"{stem}_gtFine_instanceIds.png"
                (files if path.is_file() else lacking).append(str(path))
    if files and lacking:
        raise InputError(
            f"cityscapes: {lacking[0]} is missing, although other frames have instances"
        )
    return InstanceEdges(tuple(files), size) if files else None


CITYSCAPES = NamedSet(
    name="cityscapes",
    summary="3475 finely labelled street scenes, 19 classes, void ignored, grouped by city",
    source="Cordts et al., The Cityscapes Dataset, CVPR 2016, arXiv:1604.01685",
    terms="non-commercial; registration required",
    truth=_TRUTH,
    open=open_cityscapes,
    edges=edges_of,
    downloads=(),
    how_to_get="Register at https://www.cityscapes-dataset.com, unpack "
    "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip into one folder, which is the root.",
)
