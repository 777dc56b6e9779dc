"""Errors at the command line: one sentence and exit code 2, no traceback."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from pixleak.core.errors import PixleakError

P = ParamSpec("P")
R = TypeVar("R")

_MENDABLE = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the file system is read-only",
}


def fail(message: str) -> None:
    """Print an error on standard error."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(
        Text("error: ", style="bold red").append(message, style="default")
    )


def friendly(command: Callable[P, R]) -> Callable[P, R]:
    """Errors that the user can mend become one sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except PixleakError as error:
            fail(str(error))
        except OSError as error:
            if error.errno not in _MENDABLE:
                raise
            fail(
                f"{error.filename or 'the output folder'}: {_MENDABLE[error.errno]}; what was "
                "computed so far is kept, run the same command again once that is mended"
            )
        except KeyboardInterrupt:
            fail("interrupted; finished models and signals are kept, the same command resumes")
            raise typer.Exit(130) from None
        raise typer.Exit(2)

    return wrapped
