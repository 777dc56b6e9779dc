"""Answers that were paid for, kept under the hash of what was asked.

One file holds one answer, under a first line that vouches for its content and for what was asked.
It is there whole or not at all, so that a run that is killed at any moment finds every answer again
that it received.
What the service charged for but nobody could use is counted in a file of its own.
"""

from __future__ import annotations

import fcntl
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixleak.core.disk.whole_files import damaged, read_sealed, write_sealed, writing

Values = NDArray[Any]

_UNUSABLE = "unusable.txt"


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
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / _UNUSABLE).open("a", encoding="utf-8") as file:
                file.write("x" * answers)

    def paid(self) -> int:
        """How many answers were paid for, in all runs together."""
        if self.folder is None:
            return len(self._memory) + self._lost
        lost = self.folder / _UNUSABLE
        unusable = len(lost.read_text(encoding="utf-8")) if lost.is_file() else 0
        return unusable + sum(1 for _ in self.folder.glob("??/*.answer"))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process asks, and hold the store for the block."""
        if self.folder is None:
            yield
            return
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("w")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.answer"
