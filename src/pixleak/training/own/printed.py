"""What code of the user's prints while it trains."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def lines_logged(name: str) -> Iterator[None]:
    """Inside, each line on standard output is logged for the user, with a name before it.

    Processes that train have no terminal; what is logged there is shown by the one that waits.

    Args:
        name: of the model that is trained.
    """
    lines = _Lines(name)
    with contextlib.redirect_stdout(lines):
        yield
    lines.finish()


class _Lines(io.TextIOBase):
    """Logs whole lines."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._log(line)
        return len(text)

    def finish(self) -> None:
        """Log the last line if nothing ended it."""
        self._log(self._begun)
        self._begun = ""

    def _log(self, line: str) -> None:
        # Of a bar that is drawn again and again, the last state.
        if shown := line.rstrip("\r").rpartition("\r")[2].rstrip():
            logging.getLogger("pixleak.training").warning("%s: %s", self._name, shown)
