"""Kvasir-SEG: a thousand colonoscopy frames, each with a polyp mask."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.truth import LabelTruth
from pixleak.records.readers.named.base import NamedSet, root_with
from pixleak.records.readers.named.fetch import Download

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.records.readers.files.keys import FileKeys

_TRUTH = LabelTruth(2, names=("background", "polyp"))


def open_kvasir_seg(
    root: Path, size: tuple[int, int] | None = None, *, files: FileKeys | None = None
) -> Records:
    """Folders ``images`` and ``masks``; JPEG masks, as published, are thresholded at 127.

    The published frames differ in size, so an audit needs ``size``. Patients are not known, and
    some frames show the same polyp, which the duplicate check reports.
    """
    from pixleak.records.readers.folders import read_folders

    folder = root_with(root, ("Kvasir-SEG", "kvasir-seg"), ("images", "masks"), "kvasir-seg")
    return read_folders(
        folder / "images",
        folder / "masks",
        truth=_TRUTH,
        size=size,
        name="kvasir-seg",
        **({} if files is None else files.given()),
    )


KVASIR_SEG = NamedSet(
    name="kvasir-seg",
    summary="1000 colonoscopy frames, polyp or background",
    source="Jha et al., Kvasir-SEG: A Segmented Polyp Dataset, MMM 2020, arXiv:1911.07069",
    terms="research and education; cite the paper",
    truth=_TRUTH,
    open=open_kvasir_seg,
    downloads=(Download("https://datasets.simula.no/downloads/kvasir-seg.zip"),),
    how_to_get="pixleak data fetch kvasir-seg, or https://datasets.simula.no/kvasir-seg/. Give the "
    "folder that holds images/ and masks/ as root.",
)
