"""Writing a file so that it is there whole or not at all, with errors a user can act on."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixleak.core.errors import InputError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn failures to write into error messages about ``path``.

    Raises:
        InputError: no space, no permission, or a folder that is not there.
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
        raise


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
