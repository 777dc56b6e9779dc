"""Content-addressed artefacts: results that were computed once are found again and never confused.

An artefact is a folder named by the SHA-256 of everything that determines it (weights,
records, parameters, package version). It is written under a temporary name and renamed when
complete, so a run killed at any moment leaves either the whole artefact or none.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixleak.core.errors import InputError, setting
from pixleak.version import __version__


def digest(content: object) -> str:
    """SHA-256 of the canonical JSON of ``content``.

    >>> digest({"b": 1, "a": [2, 3]}) == digest({"a": [2, 3], "b": 1})
    True
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


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
        """Whether it is there, complete."""
        return self.folder.is_dir()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process works on it, and hold it for the block.

        Only so that nothing is computed twice: without it each would write a whole artefact too.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(f".{self.folder.name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """A temporary folder to write into, which becomes the artefact on success."""
        temporary = self.folder.with_name(f".{self.folder.name}.{uuid.uuid4().hex[:8]}.part")
        temporary.mkdir(parents=True)
        try:
            yield temporary
            for path in temporary.rglob("*"):
                if path.is_file():
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
            try:
                os.replace(temporary, self.folder)
            except OSError:
                if not self.folder.is_dir():  # else another process has made the same artefact
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


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
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another run is using {folder}; wait for it, or choose another with "
                f"{setting('run.folder')}"
            ) from error
        yield


def check_writable(folder: Path) -> None:
    """Make ``folder`` and try to write in it.

    Raises:
        InputError: it cannot be made or written to, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid.uuid4().hex[:8]}.probe"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"cannot write to the output folder {folder}: {error.strerror or error}; "
            f"choose another with {setting('run.folder')}"
        ) from error
