"""Files of volumes: finding them, and what NIfTI files say of themselves."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

from pixleak.core.errors import InputError, require
from pixleak.records.readers.files.finding import natural

_ENDINGS = re.compile(r"\.(nii(\.gz)?|mha|mhd|nrrd|nhdr)$", re.IGNORECASE)


def nibabel_module() -> Any:
    """The package that reads NIfTI files.

    Raises:
        MissingExtraError: it is not installed.
    """
    return require("nibabel", extra="nifti", why="reading NIfTI volumes")


def volume_files(folder: Path) -> dict[str, Path]:
    """Stem -> volume file (NIfTI, MetaImage or NRRD), in natural order.

    Raises:
        InputError: the folder is missing or holds no volumes, or two have the same stem.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: natural(p.name)):
        ending = _ENDINGS.search(path.name)
        if ending is None or path.name.startswith("."):
            continue
        stem = unicodedata.normalize("NFC", path.name[: ending.start()])
        if stem in found:
            raise InputError(f"{folder}: {found[stem].name} and {path.name} have the same stem")
        found[stem] = path
    if not found:
        raise InputError(f"{folder} holds no volumes (.nii, .nii.gz, .mha, .mhd, .nrrd)")
    return found


def check_forms(path: Path, file: Any) -> None:
    """Refuse a file whose two descriptions of its axes contradict each other.

    Raises:
        InputError: naming both.
    """
    header = file.header
    if not hasattr(header, "get_sform"):
        return
    try:
        sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    except Exception:  # nibabel refuses a damaged qform in several ways, and reads the sform alone
        return
    if sform is None or qform is None:
        return
    codes = ["".join(nibabel_module().aff2axcodes(form)) for form in (sform, qform)]
    if codes[0] != codes[1]:
        raise InputError(
            f"volume {path} says in two ways how its axes lie: {codes[0]} by its sform, {codes[1]} "
            "by its qform, and programs differ in which they follow; save it with one that is "
            "right (in nibabel: set_sform, set_qform)"
        )
