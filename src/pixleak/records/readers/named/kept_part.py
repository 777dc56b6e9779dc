"""What a transfer that was cut off has brought, and what vouches for it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pixleak.core.disk.whole_files import damaged, write_whole

_NOTED_EVERY = 1 << 24
"""Bytes between two notes; a kill loses at most these."""

_ABANDONED = 30 * 86_400.0
"""Seconds without a change after which a part counts as abandoned."""


@dataclass
class KeptPart:
    """The part of a file that has arrived: ``FILE.part``, and ``FILE.part.json`` that vouches.

    The note has the address, the number of bytes and their SHA-256, and how the server names this
    version of the file (ETag or Last-Modified), so that no other version is appended.

    Args:
        path: of the part.
        url: where it comes from.
        vouched: whether the SHA-256 of the whole file is known; any part may then be gone on from,
            since a wrong one is noticed at the end.
    """

    path: Path
    url: str
    vouched: bool
    version: str | None = None
    _sum: hashlib._Hash = field(default_factory=hashlib.sha256)
    _since: int = 0

    @property
    def note(self) -> Path:
        """The file that vouches for the part."""
        return self.path.with_name(f"{self.path.name}.json")

    def found(self) -> int:
        """How many bytes of it can be gone on from; the others are removed, with a line."""
        sweep_abandoned(self.path.parent)
        if not self.path.is_file():
            return 0
        size = self.path.stat().st_size
        try:
            told = json.loads(self.note.read_text(encoding="utf-8"))
            count, version = int(told["bytes"]), told["version"]
            usable = told["url"] == self.url and isinstance(version, str) and 0 <= count <= size
        except (OSError, ValueError, KeyError, TypeError):
            usable, count, version = False, 0, None
        if usable:
            usable = self._summed(count) == told["sha256"]
        if usable:
            self.version = version
            os.truncate(self.path, count)
            return count
        if self.vouched:
            self._summed(size)
            return size
        damaged(self.path)
        self.remove()
        return 0

    def _summed(self, count: int) -> str:
        """SHA-256 of the first bytes, from which the sum goes on."""
        self._sum = hashlib.sha256()
        with self.path.open("rb") as file:
            while count > 0 and (chunk := file.read(min(count, 1 << 20))):
                self._sum.update(chunk)
                count -= len(chunk)
        return self._sum.hexdigest()

    def starts_over(self) -> None:
        """Nothing of it is used."""
        self._sum = hashlib.sha256()
        self.note.unlink(missing_ok=True)

    def add(self, file: BinaryIO, chunk: bytes) -> None:
        """Append what has arrived."""
        file.write(chunk)
        self._sum.update(chunk)
        self._since += len(chunk)
        if self._since >= _NOTED_EVERY:
            self.vouch(file)

    def vouch(self, file: BinaryIO) -> None:
        """Note what is there; without the server's name for it nothing could be gone on from."""
        file.flush()
        os.fsync(file.fileno())
        self._since = 0
        if self.version is not None:
            content = {
                "url": self.url,
                "version": self.version,
                "bytes": file.tell(),
                "sha256": self._sum.hexdigest(),
            }
            write_whole(self.note, json.dumps(content) + "\n")

    def remove(self) -> None:
        """Remove it and what vouches for it."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def sweep_abandoned(folder: Path) -> None:
    """Remove parts that nobody went on with for a month; files of others have no note."""
    for note in folder.glob("*.part.json"):
        part = note.with_suffix("")
        newest = max(one.stat().st_mtime for one in (note, part) if one.is_file())
        if time.time() - newest > _ABANDONED:
            part.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
