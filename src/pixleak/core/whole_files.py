"""Writing a file so that it is there whole or not at all, with errors a user can act on."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import platform
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pixleak.core.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn failures to write into error messages about ``path``.

    Raises:
        InputError: no space, no permission, a folder that is not there, or another failure.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"no space left to write {path}; free some, or choose another folder"
            ) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise InputError(f"no permission to write {path}; choose another folder") from error
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            raise InputError(f"cannot write {path}: part of it is a file, not a folder") from error
        if isinstance(error, IsADirectoryError):
            raise InputError(f"cannot write {path}: there is a folder of that name") from error
        if isinstance(error, FileNotFoundError):
            raise InputError(f"cannot write {path}: its folder cannot be made there") from error
        if error.errno == errno.EFBIG:
            raise InputError(
                f"cannot write {path}: it exceeds the size that a file may have here (ulimit -f); "
                "raise that, or choose another folder"
            ) from error
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of ``path`` when the block ends without an error.

    Raises:
        InputError: as :func:`writing`.
    """
    start = f".{path.name}.{platform.node()}."
    temporary = path.with_name(f"{start}{os.getpid()}.tmp")
    try:
        with writing(path):
            _refuse_devices(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path.parent, start)
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    finally:
        # A folder that could not be made contains nothing to remove.
        with suppress(FileNotFoundError, NotADirectoryError):
            temporary.unlink()


def _refuse_devices(path: Path) -> None:
    """Refuse /dev/null and the like, which a file would take the place of."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is no file, but a device or a pipe; name a file")


def _sweep(folder: Path, start: str) -> None:
    """Remove temporary files of processes of this machine that were killed while writing."""
    for left in folder.iterdir():
        pid = left.name.removeprefix(start).removesuffix(".tmp")
        if left.name == f"{start}{pid}.tmp" and pid.isdecimal() and not alive(int(pid)):
            left.unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether a process of this machine has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(path: Path) -> None:
    """Say that something that was kept is not what was written, and is computed again."""
    logging.getLogger("pixleak").warning(
        "%s is damaged or was not written by this run; it is computed again", path
    )


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises:
        InputError: as :func:`writing`.
    """
    with replaced(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


EARLIER = "earlier"
"""The folder, beside a result, of results that others took the place of."""

_DATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def set_aside(paths: Sequence[Path], created: str = "") -> Path:
    """Move files that others are to take the place of into a folder, with a line that says so.

    Args:
        paths: files of one folder; those that are missing are left out.
        created: when they were made, in ISO 8601; if it is not known, the time of the last file
            tells.

    Returns:
        The folder, ``earlier/2026-01-31T12-00-00`` beside them.

    Raises:
        InputError: as :func:`writing`.
    """
    there = [path for path in paths if path.is_file()]
    folder = there[-1].parent
    if not (dated := _DATED.match(created)):
        made = datetime.fromtimestamp(there[-1].stat().st_mtime, UTC).isoformat(timespec="seconds")
        dated = _DATED.match(made)
    assert dated is not None
    stem = dated[0].replace(":", "-")
    place, number = folder / EARLIER / stem, 1
    while place.exists():
        number += 1
        place = folder / EARLIER / f"{stem}-{number}"
    with writing(place):
        place.mkdir(parents=True)
        for path in there:
            os.replace(path, place / path.name)
    logging.getLogger("pixleak").warning("the earlier result in %s was moved to %s", folder, place)
    return place


def check_file(path: Path) -> None:
    """Make the folder of a file that is to be written later, and try to write in it.

    Raises:
        InputError: as :func:`writing`.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        _refuse_devices(path)
        probe = path.with_name(f".{uuid.uuid4().hex[:8]}.probe")
        try:
            probe.write_bytes(b"\0" * 4096)
        finally:
            probe.unlink(missing_ok=True)
