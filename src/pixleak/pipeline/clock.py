"""How the time of a run is spent, by phase."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds by phase. A phase within another stops the outer one's clock, so that they add up.

    Example:
        >>> clock = Clock()
        >>> with clock("attacks"), clock("inference"):
        ...     pass
        >>> sorted(clock.seconds)
        ['attacks', 'inference']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Run the clock of a phase for the duration of the block."""
        self._book()
        self._running.append(phase)
        self.seconds.setdefault(phase, 0.0)
        try:
            yield
        finally:
            self._book()
            self._running.pop()

    def moved(self, seconds: float, phase: str) -> None:
        """Move seconds that were measured elsewhere from the running phase to another one."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
        if self._running:
            self.seconds[self._running[-1]] -= seconds

    def _book(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now
