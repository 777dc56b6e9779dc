"""Content-addressed artefacts: results that were computed once are found again and never confused.

An artefact is a folder named by the SHA-256 of everything that determines it (weights,
records, parameters, package version). It is written under a temporary name and renamed when
complete, so a run killed at any moment leaves either the whole artefact or none. It holds the
digests of its files: one that was damaged, or put there from elsewhere, is removed and computed
again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixleak.core.disk.whole_files import (
    damaged,
    file_digest,
    sweep,
    sweep_temporary,
    try_to_write,
    unfinished,
)
from pixleak.core.disk.whole_files import writing as telling
from pixleak.core.errors import InputError, setting
from pixleak.version import __version__


def digest(content: object) -> str:
    """SHA-256 of the canonical JSON of ``content``.

    >>> digest({"b": 1, "a": [2, 3]}) == digest({"a": [2, 3], "b": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


_PART = ".part"
"""How the name of an artefact ends that is still being written."""

DIGESTS = "digests.json"
"""The file of an artefact that says what its other files hold."""

_INTACT: set[tuple[Any, ...]] = set()
"""Artefacts that were found intact: folder, and name, size and time of each file."""


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    stats = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return tuple((path.name, found.st_size, found.st_mtime_ns) for path, found in stats)


def files_digests(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of every file in a folder but the list of digests itself."""
    return {
        path.relative_to(folder).as_posix(): file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != DIGESTS
    }


def _written(folder: Path, name: str) -> dict[str, str] | None:
    """The digests with which this artefact was written; None where they are not known."""
    try:
        content = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
        return dict(content["files"]) if content["artefact"] == name else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class Artefact:
    """The place of one artefact; ``exists`` only when it is complete."""

    folder: Path

    @property
    def key(self) -> str:
        """The digest that names it."""
        return self.folder.name

    @property
    def exists(self) -> bool:
        """Whether it is there, complete and with the content that was written.

        What is damaged is removed, with a line that says so.
        """
        if not self.folder.is_dir():
            return False
        seen = (str(self.folder), *_state(self.folder))
        if seen in _INTACT:
            return True
        if files_digests(self.folder) == _written(self.folder, self._name):
            _INTACT.add(seen)
            return True
        damaged(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        return False

    @property
    def _name(self) -> str:
        return f"{self.folder.parent.name}/{self.key}"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process works on it, and hold it for the block.

        Only so that nothing is computed twice: without it each would write a whole artefact too.
        """
        with telling(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            file = self.folder.with_name(f".{self.folder.name}.lock").open("w")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A temporary folder to write into, which becomes the artefact on success.

        Raises:
            InputError: it cannot be written.
        """
        with telling(self.folder):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            made = unfinished(self.folder.parent, ".", _PART, directory=True)
        try:
            with telling(self.folder):
                yield made.path
                content = {"artefact": self._name, "files": files_digests(made.path)}
                (made.path / DIGESTS).write_text(json.dumps(content), encoding="utf-8")
                for path in made.path.rglob("*"):
                    if path.is_file():
                        with path.open("rb") as file:
                            os.fsync(file.fileno())
                try:
                    os.replace(made.path, self.folder)
                except OSError:
                    if not self.folder.is_dir():  # else another process has made the same
                        raise
        finally:
            shutil.rmtree(made.path, ignore_errors=True)
            made.release()


class Store:
    """A folder of artefacts.

    Args:
        root: where they lie; made if missing.
        seen_from: the run folder that a result's file names start from; None for the folder that
            holds ``root``. Several runs can share a store.

    Raises:
        InputError: the folder cannot be made or written to.
    """

    def __init__(self, root: Path, seen_from: Path | None = None) -> None:
        self.root = root
        self._seen_from = root.parent if seen_from is None else seen_from
        check_writable(root)
        sweep(root.glob(f"*/.*{_PART}"), ".", _PART)
        sweep_temporary(root.rglob(".*"))

    def file(self, path: Path) -> str:
        """The name of one of its files as a result gives it: relative to the run folder."""
        return Path(os.path.relpath(path, self._seen_from)).as_posix()

    def artefact(self, kind: str, determined_by: Mapping[str, Any]) -> Artefact:
        """The artefact of this kind that these facts determine.

        Args:
            kind: ``"model"``, ``"signals"``, ...; a sub-folder.
            determined_by: everything its content depends on, JSON-serialisable. The package
                version is added.
        """
        key = digest({"kind": kind, "pixleak": __version__, **determined_by})
        return Artefact(self.root / kind / key[:32])


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a run folder for this process; the hold ends with the process, however that ends.

    Raises:
        InputError: another process holds it.
    """
    with telling(folder):
        lock = (folder / ".lock").open("w")
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another run is using {folder}; wait for it, or choose another with "
                f"{setting('run.folder')}"
            ) from error
        yield


def _short(path: Path) -> str:
    return str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}..."


def check_writable(folder: Path) -> None:
    """Make ``folder`` and try to write in it.

    Raises:
        InputError: it cannot be made or written to, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_temporary(folder.glob(".*"))
        try_to_write(folder)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot write to the output folder {_short(folder)}: {reason}; "
            f"choose another with {setting('run.folder')}"
        ) from error
