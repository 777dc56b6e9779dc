"""What the files of a run folder held when the run wrote them.

``digests.json`` has the SHA-256 of every file that the run consists of, ``result.json`` included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pixleak.core.disk.whole_files import file_digest, write_whole
from pixleak.core.errors import InputError

SEALS = "digests.json"
"""The file of a run folder that vouches for the others."""


def seal_run(folder: Path, result: str, names: Iterable[str]) -> None:
    """Write the digests of a run's files, before ``result.json`` completes it.

    Args:
        folder: run folder.
        result: what ``result.json`` is going to hold.
        names: the files that a run consists of; those that are not there are left out.

    Raises:
        InputError: the file cannot be written.
    """
    files = {name: file_digest(folder / name) for name in names if (folder / name).is_file()}
    files["result.json"] = hashlib.sha256(result.encode()).hexdigest()
    content = {"run": folder.resolve().name, "files": files}
    write_whole(folder / SEALS, json.dumps(content, indent=1) + "\n")


def is_as_written(folder: Path) -> bool:
    """Whether a run folder holds exactly what the run wrote into a folder of this name."""
    found = _sealed(folder / SEALS)
    return found == {
        "run": folder.resolve().name,
        "files": {name: _digest(folder / name) for name in _files(found)},
    }


def check_as_written(folder: Path) -> None:
    """Refuse files of a run that are not what the run wrote; files may be missing, or all seals.

    Raises:
        InputError: a file was changed.
    """
    path = folder / SEALS
    if not path.is_file():
        return
    files = _files(_sealed(path))
    if not files:
        raise InputError(f"{path} is damaged; run the audit again")
    for name, digest in files.items():
        if (folder / name).is_file() and _digest(folder / name) != digest:
            raise InputError(
                f"{folder / name} is damaged or of another run: it is not what {path.name} says "
                "that this run wrote; run the audit again"
            )


def _sealed(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _files(content: object) -> dict[str, object]:
    files = content.get("files") if isinstance(content, dict) else None
    return files if isinstance(files, dict) and "result.json" in files else {}


def _digest(path: Path) -> str | None:
    try:
        return file_digest(path)
    except OSError:
        return None
