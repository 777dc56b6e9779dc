"""Answers that were paid for, kept under the hash of what was asked.

One file holds one answer, under a first line that vouches for its content and for what was asked.
It is there whole or not at all, so that a run that is killed at any moment finds every answer again
that it received.
What the service charged for but nobody could use is counted in a file of its own, which has such a
line as well.
"""

from __future__ import annotations

import fcntl
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.disk.whole_files import damaged, read_sealed, write_sealed, writing

Values = NDArray[Any]

_UNUSABLE, _ONE = "unusable.txt", b"x"
"""The file that counts them, and what stands there for one, so that a damaged file still tells."""


class AnswerStore:
    """The answers of one endpoint, asked in one way.

    Args:
        folder: where they are kept; None for the memory of this process.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._memory: dict[str, Values] = {}
        self._lost = 0

    def get(self, key: str) -> Values | None:
        """The answer to a question; None where there is none, or it is damaged."""
        if self.folder is None:
            return self._memory.get(key)
        path = self._path(key)
        try:
            content = read_sealed(path, key)
        except FileNotFoundError:
            return None
        if content is not None:
            return np.load(io.BytesIO(content), allow_pickle=False)  # type: ignore[no-any-return]
        damaged(path)
        self.count_unusable(1)  # it was paid for all the same
        path.unlink(missing_ok=True)
        return None

    def has(self, key: str) -> bool:
        """Whether an answer is there, without a look at its content."""
        return key in self._memory if self.folder is None else self._path(key).is_file()

    def put(self, key: str, values: Values) -> None:
        """Keep an answer.

        Raises:
            InputError: it cannot be written.
        """
        if self.folder is None:
            self._memory[key] = values
            return
        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        write_sealed(self._path(key), buffer.getvalue(), key)

    def count_unusable(self, answers: int) -> None:
        """Count answers that were paid for and could not be used."""
        if self.folder is None:
            self._lost += answers
            return
        path = self.folder / _UNUSABLE
        with self._holding(".unusable.lock"):
            counted = read_sealed(path, self._counted) if path.is_file() else b""
            if counted is None:
                counted = _ONE * path.read_bytes().count(_ONE)
                logging.getLogger("pixleak").warning(
                    "%s is damaged or was not written by this run; by what is left of it %d "
                    "answers were paid for that could not be used",
                    path,
                    len(counted),
                )
            write_sealed(path, counted + _ONE * answers, self._counted)

    def paid(self) -> int:
        """How many answers were paid for, in all runs together."""
        if self.folder is None:
            return len(self._memory) + self._lost
        return self._unusable() + sum(1 for _ in self.folder.glob("??/*.answer"))

    def _unusable(self) -> int:
        assert self.folder is not None
        path = self.folder / _UNUSABLE
        if not path.is_file():
            return 0
        content = read_sealed(path, self._counted)
        if content is None:
            self.count_unusable(0)  # says so, and vouches for what is left of it
            content = read_sealed(path, self._counted) or b""
        return len(content)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process asks, and hold the store for the block."""
        if self.folder is None:
            yield
            return
        with self._holding(".lock"):
            yield

    @contextmanager
    def _holding(self, name: str) -> Iterator[None]:
        """Hold one of the store's locks for the block, against other processes and threads."""
        assert self.folder is not None
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / name).open("w")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def _counted(self) -> str:
        """What the count of unusable answers is of."""
        assert self.folder is not None
        return f"{self.folder.name}/{_UNUSABLE}"

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.answer"
