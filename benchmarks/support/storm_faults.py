"""One attempt at a command in a forked child, and the faults that are put in its way."""

from __future__ import annotations

import builtins
import errno
import io
import os
import resource
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What happens to an attempt; nothing by default.

    Args:
        after: seconds until ``signal``, from outside.
        renames: the number of the rename in the working folder at which ``signal`` comes, from
            inside.
        before: whether it comes before that rename, or after.
        signal: KILL, TERM, HUP or INT.
        space: bytes until the disk is full, or None.
        largest: bytes that a file may hold, or None.
    """

    after: float | None = None
    renames: int | None = None
    before: bool = True
    signal: signal.Signals = signal.SIGKILL
    space: int | None = None
    largest: int | None = None


@dataclass(frozen=True)
class Attempt:
    """How an attempt ended.

    Args:
        code: exit code; minus the signal that ended the process.
        said: what it printed.
        seconds: that it took.
        hit: what it was renaming when the fault came; empty where none came there.
    """

    code: int
    said: str
    seconds: float
    hit: str


def attempt(arguments: Sequence[str], folder: Path, private: Path, fault: Fault) -> Attempt:
    """Run ``pixleak ARGUMENTS`` in ``folder``, in a fork of this process.

    Args:
        arguments: of the command line.
        folder: the working folder.
        private: the temporary folder.
        fault: what happens to it.
    """
    read, write = os.pipe()
    struck, strikes = os.pipe()
    begun = time.perf_counter()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(read)
            os.close(struck)
            os.setsid()
            for number in (1, 2):
                os.dup2(write, number)
            code = _command(arguments, folder, private, fault, strikes)
        finally:
            os._exit(code)
    os.close(write)
    os.close(strikes)
    stop = threading.Event()

    def strike() -> None:
        if not stop.wait(fault.after):
            os.kill(child, fault.signal)

    striker = threading.Thread(target=strike)
    if fault.after is not None:
        striker.start()
    with os.fdopen(read, "rb") as output:
        said = output.read().decode(errors="replace")
    # Not reaped before the striker has ended: until then the number is that of the child.
    stop.set()
    if fault.after is not None:
        striker.join()
    _, status = os.waitpid(child, 0)
    with os.fdopen(struck, "rb") as told:
        hit = told.read().decode()
    code = os.waitstatus_to_exitcode(status)
    return Attempt(code, said, time.perf_counter() - begun, hit)


def _command(
    arguments: Sequence[str], folder: Path, private: Path, fault: Fault, strikes: int
) -> int:
    import tempfile

    from pixleak.cli.app import app
    from pixleak.training.loop import trainer

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(number, "w", closefd=False), write_through=True)
        for number in (1, 2)
    )
    os.chdir(folder)
    tempfile.tempdir = str(private)
    trainer.SAVED_EVERY = 0.0
    _renames_counted(fault, folder, strikes)
    if fault.space is not None:
        _disk(fault.space)
    if fault.largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.largest, fault.largest))
    try:
        app(list(arguments), prog_name="pixleak")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    return code


def jobs_in_this_process() -> None:
    """From now on trainings and cells run in the process of the command, one after another.

    So faults find them too, and no time is spent on importing torch.
    """
    from pixleak.core.disk.private_folder import private_folder
    from pixleak.runners.base import Job, Message, OnMessage, outcome, rebuilt
    from pixleak.runners.local import LocalRunner

    def run(
        self: LocalRunner, jobs: Sequence[Job], on_message: OnMessage, *, keep_going: bool = False
    ) -> list[Message]:
        answers = []
        with private_folder() as scratch:
            for number, job in enumerate(jobs):
                here = job.portable(scratch / str(number))
                answer = outcome(here, lambda message, job=job: on_message(job, message))  # type: ignore[misc]
                if "error" in answer and not keep_going:
                    raise rebuilt(answer, job.title)
                answers.append(answer)
        return answers

    LocalRunner.run = run  # type: ignore[method-assign]


def _renames_counted(fault: Fault, folder: Path, strikes: int) -> None:
    """Let the fault come at its rename, of those of files that are kept."""
    count = 0

    def strike(place: Path) -> None:
        os.write(strikes, place.as_posix().encode())
        os.kill(os.getpid(), fault.signal)

    def counting(rename: Callable[..., None]) -> Callable[..., None]:
        def counted(source: Any, goal: Any) -> None:
            nonlocal count
            place = (folder / os.fspath(goal)).absolute()
            count += place.is_relative_to(folder)
            now = count == fault.renames and place.is_relative_to(folder)
            if now and fault.before:
                strike(place.relative_to(folder))
            rename(source, goal)
            if now and not fault.before:
                strike(place.relative_to(folder))

        return counted

    os.replace, os.rename = counting(os.replace), counting(os.rename)


class _FullDisk(io.FileIO):
    """A file on a disk that has room for so many bytes, all files together."""

    left = 0

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        if size > _FullDisk.left:
            # As a real disk does: what still fits is written first.
            fits = bytes(memoryview(data).cast("B")[: _FullDisk.left])
            _FullDisk.left = 0
            if fits:
                return super().write(fits)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.name))
        _FullDisk.left -= size
        return super().write(data)


def _disk(space: int) -> None:
    """From now on, files that Python opens for writing share so much space."""
    _FullDisk.left = space
    plain = io.open

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if isinstance(file, int) or not set(mode) & set("wax") or str(file).startswith("/dev"):
            return plain(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = _FullDisk(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        whole = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return whole if "b" in mode else io.TextIOWrapper(whole, encoding, errors, newline)

    builtins.open = io.open = opened
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]
