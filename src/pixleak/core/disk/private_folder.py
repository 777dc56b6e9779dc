"""Folders for copies of private images, which never outlive the process that made them.

They lie in the system's temporary folder and not in a run folder, which is passed on, and only
their owner may read them. A small process beside this one removes them when this one ends, however
it ends; where that was ended too, the next start does so. Set ``TMPDIR`` to put them elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixleak.core.disk.whole_files import sweep, unfinished, writing

PREFIX = "pixleak-private-"

_GUARD = 'read -r _; rm -rf -- "$0"'
"""Waits until nobody can write to its standard input any more, then removes the folder."""


class PrivateFolder:
    """An empty folder that is removed by :meth:`remove`, or when this process ends.

    Raises:
        InputError: it cannot be made.
    """

    def __init__(self) -> None:
        sweep_private()
        place = Path(tempfile.gettempdir())
        with writing(place):
            self._made = unfinished(place, PREFIX, "", directory=True, mode=0o700)
        self._guard: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # without a shell the next start does its work
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, str(self.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,  # so that Ctrl-C does not end it first
            )
        self._process = os.getpid()
        self._removed = False

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._made.path

    def remove(self) -> None:
        """Remove it with all that is in it; twice, or in a forked child, nothing happens."""
        if self._removed or os.getpid() != self._process:
            return
        self._removed = True
        shutil.rmtree(self.path, ignore_errors=True)
        self._made.release()
        if self._guard is not None:
            # Not by closing its input, which forked children may hold open too.
            self._guard.kill()
            self._guard.wait()
            assert self._guard.stdin is not None
            self._guard.stdin.close()


@contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder that is removed when the block ends, however it ends.

    Raises:
        InputError: it cannot be made.
    """
    folder = PrivateFolder()
    try:
        yield folder.path
    finally:
        folder.remove()


def sweep_private() -> None:
    """Remove what processes of this user left behind when they were killed."""
    with suppress(OSError):
        sweep(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"), PREFIX, "")
