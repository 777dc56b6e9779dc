"""A command of the user's own, run without a shell until it ends, or this process does."""

from __future__ import annotations

import collections
import contextlib
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from pixleak.core.errors import InputError

SHOWN = 12
"""How many of the last lines an error shows."""

_GUARD = 'read -r _; kill -s KILL -- "-$0" 2>/dev/null'
"""Waits until nobody can write to its standard input any more, then ends the group of processes."""


def run_command(
    words: Sequence[str],
    folder: Path,
    *,
    limit: float | None,
    on_line: Callable[[str], None],
) -> None:
    """Run a command; every process that it started has ended when this returns.

    Args:
        words: program and arguments.
        folder: to run in.
        limit: seconds, after which it is ended; None: as long as it takes.
        on_line: called with each line that it prints on standard output.

    Raises:
        InputError: it cannot be started, takes too long, or ends with another code than 0.
    """
    told = shlex.join(words)
    try:
        process = subprocess.Popen(
            list(words),
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that whatever it starts can be ended with it
        )
    except OSError as error:
        raise InputError(
            f"the command `{told}` cannot be started in {folder}: {error.strerror or error}"
        ) from error
    last: collections.deque[str] = collections.deque(maxlen=SHOWN)
    assert process.stdout is not None
    assert process.stderr is not None
    guard = _guarded(process.pid)
    readers = [
        threading.Thread(target=_read, args=(process.stdout, on_line), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, last.append), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"the command `{told}` did not end within {limit:g} seconds (limit), and was ended"
            f"{_tail(last)}"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if guard is not None:
            guard.kill()
            guard.communicate()
        for reader in readers:
            reader.join(timeout=5)
        process.stdout.close()
        process.stderr.close()
    if code < 0:
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        raise InputError(f"the command `{told}` was ended by signal {-code}{hint}{_tail(last)}")
    if code > 0:
        raise InputError(f"the command `{told}` ended with exit code {code}{_tail(last)}")


def _tail(lines: collections.deque[str]) -> str:
    kept = [line for line in lines if line.strip()]
    if not kept:
        return ", and wrote nothing on standard error"
    return "; the end of what it wrote on standard error:\n" + "\n".join(f"  {one}" for one in kept)


def _read(stream: BinaryIO, take: Callable[[str], None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # closed
        for line in stream:
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            take(text.rpartition("\r")[2])  # of a bar that is drawn again and again, the last


def _guarded(group: int) -> subprocess.Popen[bytes] | None:
    """A small process that ends the command when this process ends, even by ``KILL``."""
    with contextlib.suppress(OSError):
        return subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, str(group)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return None


def _environment() -> dict[str, str]:
    """The caller's own import path: a worker's is made for this interpreter alone."""
    environment = dict(os.environ)
    if "PIXLEAK_CALLERS_PYTHONPATH" in environment:
        environment["PYTHONPATH"] = environment.pop("PIXLEAK_CALLERS_PYTHONPATH")
    if not environment.get("PYTHONPATH"):
        environment.pop("PYTHONPATH", None)
    return environment | {"PYTHONUNBUFFERED": "1"}
