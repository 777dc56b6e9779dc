"""Writing a file so that it is there whole or not at all, with errors a user can act on.

What is still being written has a name of its own and is locked by the process that writes it. The
lock ends with the process, however that ends, so that what a killed process left behind is
recognised by the next one and removed. Numbers of processes would not do: they are used again.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pixleak.core.errors import InputError

_TEMPORARY, _PROBE = ".tmp", ".probe"

_OF_OTHERS = 86_400.0
"""Seconds without a change after which what another machine was writing counts as left behind.

Locks of other machines are not seen on every file system.
"""


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
        if error.errno == errno.EFBIG:
            raise InputError(
                f"{path} would be larger than the file system or a limit of this process (ulimit "
                "-f) allows; raise the limit, or choose another folder"
            ) from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise InputError(f"no permission to write {path}; choose another folder") from error
        if isinstance(error, (FileExistsError, NotADirectoryError)):
            raise InputError(f"cannot write {path}: part of it is a file, not a folder") from error
        if isinstance(error, IsADirectoryError):
            raise InputError(f"cannot write {path}: there is a folder of that name") from error
        if isinstance(error, FileNotFoundError):
            raise InputError(f"cannot write {path}: its folder cannot be made there") from error
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


@dataclass(frozen=True)
class Unfinished:
    """A file or folder that this process is writing, and holds until :meth:`release`.

    Args:
        path: its temporary name.
        lock: the open descriptor that is locked.
    """

    path: Path
    lock: int

    def release(self) -> None:
        """Hold it no longer; to be called once."""
        os.close(self.lock)


def unfinished(
    folder: Path, start: str, end: str, *, directory: bool = False, mode: int | None = None
) -> Unfinished:
    """A new, empty and locked file or folder, named ``START machine-process-number END``.

    Args:
        folder: where it lies; must exist.
        start: of its name.
        end: of its name.
        directory: whether it is a folder.
        mode: permissions; None for the usual ones.

    Raises:
        OSError: it cannot be made.
    """
    own = f"{platform.node()}-{os.getpid()}"
    while True:
        path = folder / f"{start}{own}-{uuid.uuid4().hex[:8]}{end}"
        try:
            if directory:
                path.mkdir(mode=0o777 if mode is None else mode)
                lock = os.open(path, os.O_RDONLY)
            else:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
                lock = os.open(path, flags, 0o666 if mode is None else mode)
        except FileNotFoundError:
            if folder.is_dir():
                continue  # swept before it was locked
            raise
        with suppress(OSError):  # where nothing can be locked, nothing is swept either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return Unfinished(path, lock)
        os.close(lock)


def sweep(paths: Iterable[Path], start: str, end: str) -> None:
    """Remove what killed processes left of :func:`unfinished`; what is still held stays.

    Args:
        paths: to look at; others than those of this user, start and end are skipped.
        start: as given then.
        end: as given then.
    """
    form = re.compile(rf"{re.escape(start)}(.+)-\d+-[0-9a-f]{{8}}{re.escape(end)}")
    for path in paths:
        if (name := form.fullmatch(path.name)) is None:
            continue
        with suppress(OSError):  # another process sweeps too
            found = path.lstat()
            elsewhere = not f".{name[1]}".endswith(f".{platform.node()}")
            if found.st_uid != os.getuid() or (
                elsewhere and time.time() - found.st_mtime < _OF_OTHERS
            ):
                continue
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            finally:
                os.close(lock)


def sweep_temporary(paths: Iterable[Path]) -> None:
    """Remove what killed processes left of :func:`replaced`, among these paths."""
    sweep(paths, ".", _TEMPORARY)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path that takes the place of ``path`` when the block ends without an error.

    Raises:
        InputError: as :func:`writing`.
    """
    start = f".{path.name}."
    with writing(path):
        _refuse_devices(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent.iterdir(), start, _TEMPORARY)
        made = unfinished(path.parent, start, _TEMPORARY)
    try:
        with writing(path):
            yield made.path
            with made.path.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(made.path, path)
    finally:
        made.path.unlink(missing_ok=True)
        made.release()


def try_to_write(folder: Path) -> None:
    """Write a few bytes into a folder that exists, and remove them.

    Raises:
        OSError: that fails.
    """
    sweep(folder.glob(f".*{_PROBE}"), ".", _PROBE)
    probe = unfinished(folder, ".", _PROBE)
    try:
        probe.path.write_bytes(b"\0" * 4096)
    finally:
        probe.path.unlink(missing_ok=True)
        probe.release()


def _refuse_devices(path: Path) -> None:
    """Refuse /dev/null and the like, which a file would take the place of."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is no file, but a device or a pipe; name a file")


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
        try_to_write(path.parent)


def write_sealed(path: Path, content: bytes, belongs_to: str) -> None:
    """Write a file under a first line that vouches for its content and for where it belongs.

    Args:
        path: of the file.
        content: of the file, below that line.
        belongs_to: what the content is of; it can be read for nothing else.

    Raises:
        InputError: as :func:`writing`.
    """
    write_whole(path, _seal(content, belongs_to) + content)


def read_sealed(path: Path, belongs_to: str) -> bytes | None:
    """The content that :func:`write_sealed` wrote; None where it is not that, or is damaged.

    Raises:
        FileNotFoundError: there is no such file.
    """
    whole = path.read_bytes()
    content = whole[whole.find(b"\n") + 1 :]
    return content if whole == _seal(content, belongs_to) + content else None


def _seal(content: bytes, belongs_to: str) -> bytes:
    head = hashlib.sha256(belongs_to.encode()).digest()
    return f"{hashlib.sha256(head + hashlib.sha256(content).digest()).hexdigest()}\n".encode()
