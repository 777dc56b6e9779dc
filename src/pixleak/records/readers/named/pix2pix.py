"""The side-by-side sets that pix2pix distributes: facades and maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.readers.named.base import NamedSet, chosen_direction
from pixleak.records.readers.named.fetch import Download

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.records.readers.files.keys import FileKeys

_PARTS = ("train", "val", "test")
_URL = "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/{}.tar.gz"
FACADES_WAYS = ("labels-to-photo", "photo-to-labels")
MAPS_WAYS = ("aerial-to-map", "map-to-aerial")
_A_TO_B = ("photo-to-labels", "aerial-to-map", "AtoB")


def _open(
    name: str,
    ways: tuple[str, ...],
    root: Path,
    size: tuple[int, int] | None,
    direction: str | None,
    files: FileKeys | None,
) -> Records:
    """Records of the parts that exist, in order; an id begins with the name of its part."""
    from pixleak.records.base import RecordKey
    from pixleak.records.readers.files.keys import FileKeys, MaskKeys
    from pixleak.records.readers.side_by_side import halves

    way = chosen_direction(name, (*ways, "AtoB", "BtoA"), direction)
    root = Path(root)
    folder = root / name if (root / name).is_dir() else root
    parts = [part for part in _PARTS if (folder / part).is_dir()]
    if not parts:
        raise InputError(
            f"{name}: {root} holds none of the folders {', '.join(_PARTS)}; see pixleak data list"
        )
    how = files or FileKeys()
    masked = [key for key in MaskKeys.model_fields if key in how.given()]
    if masked:
        raise InputError(f"{name} has no masks, so {masked[0]} has no effect; leave it out")
    keys, paths = [], []
    for part in parts:
        for stem, path in how.found(folder / part).items():
            keys.append(RecordKey(f"{part}-{stem}"))
            paths.append(path)
    reader = replace(how.image_reader(how.channels), size=size)
    return halves(keys, paths, (reader, reader), input_left=way in _A_TO_B, name=name)


def open_facades(
    root: Path,
    size: tuple[int, int] | None = None,
    *,
    direction: str | None = None,
    files: FileKeys | None = None,
) -> Records:
    """``train``, ``val``, ``test``: photo on the left, labels on the right, 256 x 256 each."""
    return _open("facades", FACADES_WAYS, root, size, direction, files)


def open_maps(
    root: Path,
    size: tuple[int, int] | None = None,
    *,
    direction: str | None = None,
    files: FileKeys | None = None,
) -> Records:
    """``train``, ``val``: aerial photo on the left, map on the right, 600 x 600 each."""
    return _open("maps", MAPS_WAYS, root, size, direction, files)


FACADES = NamedSet(
    name="facades",
    summary="606 pairs of label map and photo of building fronts, for generators",
    source="Tylecek, Sara, Spatial Pattern Templates for Recognition of Objects with Regular "
    "Structure, GCPR 2013; pairs of Isola et al., CVPR 2017, arXiv:1611.07004",
    terms="see https://cmp.felk.cvut.cz/~tylecr1/facade/; cite the paper",
    truth=ImageTruth(3),
    open=open_facades,
    downloads=(Download(_URL.format("facades")),),
    how_to_get="pixleak data fetch facades, or pix2pix's facades.tar.gz. Give the folder that "
    "holds train/ as root.",
    directions=FACADES_WAYS,
)
MAPS = NamedSet(
    name="maps",
    summary="2194 pairs of aerial photo and map, for generators",
    source="Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, CVPR "
    "2017, arXiv:1611.07004",
    terms="scraped from Google Maps by the authors: research use; look at Google's terms",
    truth=ImageTruth(3),
    open=open_maps,
    downloads=(Download(_URL.format("maps")),),
    how_to_get="pixleak data fetch maps, or pix2pix's maps.tar.gz. Give the folder that holds "
    "train/ as root.",
    directions=MAPS_WAYS,
)
