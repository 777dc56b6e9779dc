"""What a folder looks like: which of its files and folders could be images, and which their masks.

Nothing is raised here: what cannot be read, or is ambiguous, is no layout that is known.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pixleak.core.errors import InputError
from pixleak.records.readers.files.finding import (
    MASK_ENDINGS,
    channel_files,
    image_files,
)
from pixleak.records.readers.files.raster import Raster, opened

Strength = Literal["certain", "likely", "possible"]
"""Certain: a file says so, or names that nothing else has. Possible: nothing speaks against it."""

_FOLDERS = 60  # that are looked at
_SAMPLED = 3  # files of a folder that are opened
_FEW = 32  # values, or colours, of a label map at most
_PARTS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})


@dataclass(frozen=True)
class Recognised:
    """What a reader sees in a folder.

    Args:
        settings: the reader's keys under which it reads the folder; ``classes`` only if known.
        evidence: what was seen, as a clause.
        strength: how sure it is.
        problems: files that belong to no record, one clause each; where the reader can, the
            settings leave them out.
        images: files of which some tell the type of values.
        masks: image files whose colours may have to be named.
    """

    settings: Mapping[str, Any]
    evidence: str
    strength: Strength = "likely"
    problems: tuple[str, ...] = ()
    images: tuple[Path, ...] = field(default=(), repr=False)
    masks: tuple[Path, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Matching:
    """Two folders whose files belong together.

    Args:
        root: of the search.
        first, second: the folders.
        files: stem -> its files, those of the first folder and the one of the second.
        alone: files of either folder without a partner.
        lacking: of each of these, what there is none of: ``"image x.png has no mask"``.
    """

    root: Path
    first: Path
    second: Path
    files: Mapping[str, tuple[tuple[Path, ...], Path]]
    alone: tuple[Path, ...]
    lacking: tuple[str, ...]

    @property
    def counted(self) -> str:
        """The two folders, and how many files match."""
        return (
            f"{relative(self.root, self.first)}/ and {relative(self.root, self.second)}/ hold "
            f"{len(self.files)} files each whose names match"
        )


Listing = Callable[[Path], Mapping[str, Path]]
"""The files of a folder by stem; raises an InputError where there are none."""


def folders_below(root: Path) -> list[Path]:
    """The folder itself, and those up to two levels below it, hidden ones left out."""
    found, level = [root], [root]
    for _ in range(2):
        level = [one for folder in level for one in _inside(folder)]
        found += level
    return found[:_FOLDERS]


def _inside(folder: Path) -> list[Path]:
    try:
        names = sorted(one.name for one in os.scandir(folder) if one.is_dir())
    except OSError:
        return []
    return [folder / name for name in names if not name.startswith(".")]


def pictures_in(folder: Path) -> dict[str, Path]:
    """Stem -> image file; empty where the folder holds none, or what is no image."""
    try:
        return image_files(folder)
    except InputError:
        return {}


def pictures_in_parts(folder: Path) -> tuple[Path, ...]:
    """Image files of folders such as ``train`` and ``test``; none if there are other folders."""
    parts = _inside(folder)
    if not parts or any(one.name.lower() not in _PARTS for one in parts):
        return ()
    return tuple(path for one in parts for path in pictures_in(one).values())


def matching_folders(
    root: Path, listing: Listing, names: tuple[str, str] = ("image", "mask")
) -> list[Matching]:
    """Pairs of folders, beside one another, of which more than half the files have equal stems.

    Endings that all masks share are taken off, and so are the numbers of nnU-Net's channels.

    Args:
        root: in which they lie, or in a folder of which they lie.
        listing: the files of a folder.
        names: what the files of the first and of the second folder are called in problems.
    """
    listed: dict[Path, Mapping[str, Path]] = {}
    for folder in folders_below(root):
        try:
            files = listing(folder)
        except InputError:
            continue
        if files:
            listed[folder] = files
    found = []
    for first in listed:
        for second in listed:
            if first != second and _beside(first, second):
                matching = _matched(root, first, second, listed[first], listed[second], names)
                if matching is not None:
                    found.append(matching)
    return found


def _beside(first: Path, second: Path) -> bool:
    """Whether two folders lie in one, or are ``images/train`` and ``masks/train``."""
    one, other = first, second
    if first.parent != second.parent:
        if first.name != second.name or first.parent.parent != second.parent.parent:
            return False
        one, other = first.parent, second.parent
    return not {one.name.lower(), other.name.lower()} <= _PARTS


def _matched(
    root: Path,
    first: Path,
    second: Path,
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    names: tuple[str, str],
) -> Matching | None:
    best: Matching | None = None
    for ending in ("", *MASK_ENDINGS):
        if not all(stem.endswith(ending) for stem in masks):
            continue
        plain = {stem.removesuffix(ending): path for stem, path in masks.items()}
        try:
            cases = channel_files(images, plain)
        except InputError:
            continue
        both = [stem for stem in cases if stem in plain]
        if 2 * len(both) <= max(len(cases), len(plain)):
            continue
        lonely = [paths[0] for stem, paths in cases.items() if stem not in plain]
        bare = [path for stem, path in plain.items() if stem not in cases]
        lacking = [f"{names[0]} {path} has no {names[1]}" for path in lonely]
        lacking += [f"{names[1]} {path} has no {names[0]}" for path in bare]
        files = {stem: (cases[stem], plain[stem]) for stem in both}
        matching = Matching(root, first, second, files, (*lonely, *bare), tuple(lacking))
        if best is None or len(files) > len(best.files):
            best = matching
    return best


def sampled(paths: Sequence[Path]) -> Iterator[Raster]:
    """A few of the files that can be read."""
    if not paths:
        return
    last = len(paths) - 1
    for at in sorted({round(i * last / max(_SAMPLED - 1, 1)) for i in range(_SAMPLED)}):
        try:
            yield opened(paths[at], "ignore")
        except InputError:
            continue


def look_like_masks(paths: Sequence[Path]) -> bool:
    """Whether all of a few files show a handful of values or colours, as label maps do."""
    rasters = list(sampled(paths))
    return bool(rasters) and all(_is_mask(raster) for raster in rasters)


def _is_mask(raster: Raster) -> bool:
    pixels = raster.pixels
    if raster.palette is not None:
        return len(np.unique(pixels)) <= _FEW
    if pixels.dtype.kind == "f" and (np.floor(pixels) != pixels).any():
        return False
    if raster.lossy:  # borders are smeared; black and white are left
        grey = pixels.mean(axis=2)
        return bool(((grey <= 16) | (grey >= 239)).mean() > 0.95)
    flat = pixels.reshape(-1, pixels.shape[2])
    if flat.shape[1] not in (1, 3):
        return False
    return len(np.unique(flat if flat.shape[1] == 3 else flat[:, 0], axis=0)) <= _FEW


def bands_of(paths: Sequence[Path]) -> int | None:
    """Bands of the files, by a few of them; None where they differ or none can be read."""
    found = {raster.coloured.shape[2] for raster in sampled(paths)}
    return found.pop() if len(found) == 1 else None


def sizes_agree(matching: Matching) -> bool:
    """Whether the files of a few records are of equal size; not if none can be read."""
    firsts = [files[0] for files, _ in matching.files.values()]
    seconds = [path for _, path in matching.files.values()]
    pairs = list(zip(sampled(firsts), sampled(seconds), strict=False))
    return bool(pairs) and all(one.size == other.size for one, other in pairs)


def left_out(paths: Sequence[Path]) -> dict[str, Any]:
    """The key that leaves files out, by their names."""
    marks = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})
    return {"exclude": tuple(path.name.translate(marks) for path in paths)} if paths else {}


def relative(root: Path, folder: Path) -> Path:
    """A folder below the root, as a reader's key names it."""
    return folder.relative_to(root)
