"""Finding image files, and matching those that belong to one record."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from pixleak.core.errors import InputError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".bmp", ".tif", ".tiff", ".webp", ".gif"}
    | {".pbm", ".pgm", ".ppm", ".pnm", ".npy", ".npz"}
)

MASK_ENDINGS = (
    "_mask",
    "_segmentation",
    "_seg",
    "_label",
    "_labels",
    "_gt",
    "-mask",
    "_Segmentation",
)
"""Endings of masks that are tried where a mask's stem is not its image's."""

_UNREADABLE = {
    ".heic": "HEIC; convert it to PNG",
    ".heif": "HEIF; convert it to PNG",
    ".dcm": "DICOM, which the reader dicom reads",
    ".svg": "a vector graphic",
    ".avif": "AVIF; convert it to PNG",
    ".jxl": "JPEG XL; convert it to PNG",
    ".exr": "OpenEXR; convert it to a float TIFF",
    ".psd": "a drawing in layers; convert it to PNG",
    ".xcf": "a drawing in layers; convert it to PNG",
    ".tga": "TGA; convert it to PNG",
    ".nii": "NIfTI, which the reader volumes reads",
    ".nii.gz": "NIfTI, which the reader volumes reads",
    ".nrrd": "NRRD, which the reader volumes reads",
    ".mha": "MetaImage, which the reader volumes reads",
    ".mhd": "MetaImage, which the reader volumes reads",
    ".svs": "a slide of many magnifications; convert its parts to PNG or TIFF",
    ".czi": "CZI; convert it to TIFF",
    ".nd2": "ND2; convert it to TIFF",
    ".lif": "LIF; convert it to TIFF",
}


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that counts: ``frame9`` before ``frame10``."""
    parts = re.split(r"(\d+)", text)
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p)


def image_files(
    folder: Path,
    ending: str = "",
    *,
    exclude: Sequence[str] = (),
    subfolders: bool = False,
) -> dict[str, Path]:
    """Stem without ``ending`` -> image file, in natural order; other files are skipped.

    Stems are in Unicode's composed form (NFC), since a disk may hold either form of one name.

    Args:
        folder: to look in.
        ending: of the stems to take.
        exclude: patterns of file names to leave out, such as ``*_superpixels.png``.
        subfolders: whether files in folders below count, with a stem such as ``a/b``.

    Raises:
        InputError: the folder is missing or holds no images, two files have the same stem, or a
            file's name is not UTF-8.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    ending = unicodedata.normalize("NFC", ending)
    patterns = [unicodedata.normalize("NFC", pattern) for pattern in exclude]
    found: dict[str, Path] = {}
    strange: Path | None = None
    for path in sorted(_below(folder, subfolders), key=lambda p: natural(str(p))):
        name = unicodedata.normalize("NFC", path.name)
        if name.startswith(".") or any(fnmatch(name, pattern) for pattern in patterns):
            continue
        if _strange(path):
            strange = strange or path
        if path.suffix.lower() not in SUFFIXES:
            continue
        if path.is_symlink() and not path.exists():
            raise InputError(
                f"{path} is a link to {os.readlink(path)}, which does not exist; mend it, or leave "
                "it out with exclude"
            )
        if not path.is_file():
            continue
        stem = _stem(path, folder)
        if not stem.endswith(ending):
            continue
        stem = stem.removesuffix(ending)
        if stem in found:
            raise InputError(f"{folder}: {found[stem].name} and {path.name} have the same stem")
        found[stem] = path
    if strange is not None:
        raise InputError(f"{strange} is {_strange(strange)}, or leave it out with exclude")
    if not found:
        raise InputError(_nothing(folder, ending, subfolders))
    return found


def _strange(path: Path) -> str:
    """What a file is that holds an image and cannot be read; empty of all others."""
    name = path.name.lower()
    return next((told for suffix, told in _UNREADABLE.items() if name.endswith(suffix)), "")


def _below(folder: Path, subfolders: bool) -> list[Path]:
    if not subfolders:
        return list(folder.iterdir())
    found = []
    for root, folders, names in os.walk(folder, followlinks=True):
        above = {one.resolve() for one in (Path(root), *Path(root).parents)}
        # Hidden folders hold copies that other programs keep; a link to a folder above has no end.
        folders[:] = [
            one
            for one in folders
            if not one.startswith(".") and (Path(root) / one).resolve() not in above
        ]
        found += [Path(root) / name for name in names]
    return found


def _stem(path: Path, folder: Path) -> str:
    name = path.relative_to(folder).with_suffix("").as_posix()
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{folder}: the name of a file is not UTF-8 ({path.name!a}); rename it"
        ) from error
    return unicodedata.normalize("NFC", name)


def _nothing(folder: Path, ending: str, subfolders: bool) -> str:
    named = f" named *{ending}" if ending else ""
    told = f"{folder} holds no images{named} ({', '.join(sorted(SUFFIXES))})"
    if not subfolders and any(
        path.suffix.lower() in SUFFIXES for path in folder.glob("*/*") if path.is_file()
    ):
        told += "; its folders do: set subfolders to true"
    return told


def matched(
    first: Mapping[str, Path], second: Mapping[str, Path], names: tuple[str, str]
) -> list[tuple[str, Path, Path]]:
    """(stem, first, second) of files with equal stems, in the order of ``first``.

    Args:
        first: by stem.
        second: by stem.
        names: what the two kinds of file are called in messages: ``("image", "mask")``.

    Raises:
        InputError: a file of either kind has no partner.
    """
    for one, other, (kind, lacking) in ((first, second, names), (second, first, names[::-1])):
        alone = [stem for stem in one if stem not in other]
        if alone:
            more = f" (and {len(alone) - 1} more)" if len(alone) > 1 else ""
            there = next(iter(other.values())).parent
            raise InputError(
                f"{kind} {one[alone[0]]} has no {lacking}{more}: "
                f"expected a file with stem {alone[0]!r} in {there}; files that belong to no "
                "record can be left out with exclude"
            )
    return [(stem, path, second[stem]) for stem, path in first.items()]


def channel_files(
    images: Mapping[str, Path], partners: Collection[str] = ()
) -> dict[str, tuple[Path, ...]]:
    """Stem -> its files, one per channel: nnU-Net's ``case_0000.png``, ``case_0001.png``.

    Files whose stems do not all end in four digits, beginning with ``_0000``, are one each, and so
    are those with partners of their own, such as frames that are numbered with four digits.

    Args:
        images: by stem.
        partners: stems of masks or label volumes.

    Raises:
        InputError: a case lacks a channel that others have.
    """
    parts = [re.fullmatch(r"(.+)_(\d{4})", stem) for stem in images]
    own = any(_without(partners, ending) == images.keys() for ending in ("", *MASK_ENDINGS))
    if own or not all(parts) or not any(part and part[2] == "0000" for part in parts):
        return {stem: (path,) for stem, path in images.items()}
    cases: dict[str, dict[int, Path]] = {}
    for part, path in zip(parts, images.values(), strict=True):
        assert part is not None
        cases.setdefault(part[1], {})[int(part[2])] = path
    most = max(len(files) for files in cases.values())
    for case, files in cases.items():
        if sorted(files) != list(range(most)):
            raise InputError(
                f"case {case!r} in {next(iter(files.values())).parent} has the channels "
                f"{', '.join(f'{i:04d}' for i in sorted(files))}, others have {most}; each case "
                "needs the same"
            )
    return {case: tuple(files[i] for i in range(most)) for case, files in cases.items()}


def _without(stems: Collection[str], ending: str) -> set[str]:
    """Stems without an ending that all of them have; else none."""
    if not all(stem.endswith(ending) for stem in stems):
        return set()
    return {stem.removesuffix(ending) for stem in stems}


def masked_files(
    images: Mapping[str, tuple[Path, ...]], masks: Mapping[str, Path]
) -> list[tuple[str, tuple[Path, ...], Path]]:
    """(stem, images, mask) of files that belong together, in the order of ``images``.

    Where the stems of masks are not those of images, one ending that all masks share is taken off.

    Raises:
        InputError: an image has no mask, or the reverse.
    """
    for ending in ("", *MASK_ENDINGS):
        plain = {s.removesuffix(ending): p for s, p in masks.items() if s.endswith(ending)}
        if len(plain) == len(masks) and plain.keys() == images.keys():
            return [(stem, paths, plain[stem]) for stem, paths in images.items()]
    firsts = {stem: paths[0] for stem, paths in images.items()}
    return [
        (stem, images[stem], mask) for stem, _, mask in matched(firsts, masks, ("image", "mask"))
    ]
