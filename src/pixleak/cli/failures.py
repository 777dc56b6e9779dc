"""Errors at the command line: one sentence and exit code 2, no traceback."""

from __future__ import annotations

import errno
import functools
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ParamSpec, TypeVar

import typer

from pixleak.core.errors import PixleakError, fault_of_others

P = ParamSpec("P")
R = TypeVar("R")

_MENDABLE = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "it exceeds the size that a file may have here (ulimit -f)",
    errno.ENOTDIR: "part of it is a file, not a folder",
    errno.EISDIR: "there is a folder of that name",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EIO: "the disk fails to read or write",
    errno.EMFILE: "too many files are open (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
}


_tracebacks = False


def show_tracebacks(wanted: bool) -> None:
    """Whether errors are printed with the traceback that led to them."""
    global _tracebacks
    _tracebacks = wanted


def fail(message: str) -> None:
    """Print an error on standard error, with its traceback if that is wanted."""
    if _tracebacks and sys.exc_info()[0] is not None:
        traceback.print_exc()
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(
        Text("error: ", style="bold red").append(message, style="default")
    )


class _EndedError(KeyboardInterrupt):
    """Another signal than that of Ctrl-C ends the command."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Inside, TERM, HUP and QUIT end the command as Ctrl-C does, so that nothing is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise _EndedError(number)

    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        # What is ignored stays ignored: nohup ignores HUP.
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def friendly(command: Callable[P, R]) -> Callable[P, R]:
    """Errors that the user can correct become one sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            with _ended_by_signals():
                return command(*args, **kwargs)
        except PixleakError as error:
            fail(str(error))
        except OSError as error:
            if error.errno not in _MENDABLE:
                raise
            fail(
                f"{error.filename or 'the output folder'}: {_MENDABLE[error.errno]}; what was "
                "computed so far is kept, run the same command again once that is fixed"
            )
        except KeyboardInterrupt as error:
            number = error.number if isinstance(error, _EndedError) else signal.SIGINT
            how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
            fail(
                f"{how}; finished models and signals are kept, and so is the state of a training "
                "that was under way: the same command resumes"
            )
            raise typer.Exit(128 + number) from None
        except Exception as error:
            sentence = fault_of_others(error)
            if sentence is None:
                raise
            fail(f"{sentence} (--debug shows the whole traceback)")
        raise typer.Exit(2)

    return wrapped
