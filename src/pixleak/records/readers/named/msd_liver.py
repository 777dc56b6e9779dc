"""Medical Segmentation Decathlon, task 3: CT of 131 patients with liver and tumours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.readers.named.base import NamedSet, root_with

if TYPE_CHECKING:
    from pixleak.records.base import Records

Tumour = Literal["merge", "separate", "only"]

_TRUTHS = {
    "merge": LabelTruth(2, names=("background", "liver")),
    "separate": LabelTruth(3, names=("background", "liver", "tumour")),
    "only": LabelTruth(2, names=("background", "tumour")),
}
_REMAPS = {
    "merge": {0: 0, 1: 1, 2: 1},
    "separate": {},
    "only": {0: 0, 1: 0, 2: 1},
}


def open_msd_liver(
    root: Path,
    size: tuple[int, int] | None = None,
    *,
    tumour: Tumour = "merge",
    empty: Literal["keep", "drop"] = "drop",
    every: int = 1,
    window: tuple[float, float] = (-150.0, 250.0),
) -> Records:
    """Axial slices of ``imagesTr`` with ``labelsTr``; the volume is the subject.

    Args:
        root: folder of the unpacked task, or its parent.
        size: (h, w) to resize to; None keeps 512 x 512.
        tumour: ``"merge"`` counts tumours as liver, ``"separate"`` makes them a class of their own,
            ``"only"`` counts the liver as background.
        empty: whether slices without any foreground are kept.
        every: keep every n-th slice.
        window: Hounsfield units that become 0 and 1.
    """
    from pixleak.records.readers.volumes import read_volumes

    if tumour not in _TRUTHS:
        raise InputError(f"msd-liver: tumour must be merge, separate or only, got {tumour!r}")
    folder = root_with(root, ("Task03_Liver",), ("imagesTr", "labelsTr"), "msd-liver")
    return read_volumes(
        folder / "imagesTr",
        folder / "labelsTr",
        truth=_TRUTHS[tumour],
        window=window,
        empty=empty,
        every=every,
        remap=_REMAPS[tumour],
        size=size,
        name="msd-liver",
    )


MSD_LIVER = NamedSet(
    name="msd-liver",
    summary="131 abdominal CT volumes cut into slices, liver and tumour, by patient",
    source="Antonelli et al., The Medical Segmentation Decathlon, 2022, arXiv:2106.05735; "
    "Bilic et al., LiTS, arXiv:1901.04056",
    terms="CC BY-SA 4.0",
    truth=_TRUTHS["merge"],
    open=open_msd_liver,
    downloads=(),
    how_to_get="Download Task03_Liver.tar (27 GB) from http://medicaldecathlon.com, unpack it and "
    "give Task03_Liver as root. Reading it needs the extra nifti.",
)
