"""Progress of long work, shown or not, behind one small interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

Step = Callable[[int, int], None]


class Progress(Protocol):
    """Shows how far named pieces of work have come."""

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        """``done`` of ``total`` steps of the work called ``name``; a new name starts new work."""


class Silent:
    """Shows nothing."""

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        pass


class _Bars:
    """Progress bars by rich, one for each piece of work, added when the work starts."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def update(self, name: str, done: int, total: int, note: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, note="")
        self._bars.update(self._tasks[name], completed=done, total=total, note=note)


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress bars on standard error for the duration of the block."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        yield _Bars(bars)


@contextmanager
def shown_bytes() -> Iterator[Callable[[str, int, int | None], None]]:
    """A download bar on standard error; call it with (file, bytes so far, bytes in all)."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with RichProgress(*columns, console=Console(stderr=True)) as bars:

        def report(file: str, done: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=total)
            bars.update(tasks[file], completed=done, total=total)

        yield report


def step(progress: Progress, name: str, note: str = "") -> Step:
    """``progress`` as the callback with two arguments that other modules take."""

    def report(done: int, total: int) -> None:
        progress.update(name, done, total, note)

    return report
