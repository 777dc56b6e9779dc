"""Folders for copies of private images, which never outlive the process that made them.

They lie in the system's temporary folder and not in a run folder, which is passed on, and only
their owner may read them. Each is named after its machine and process, so that what a killed
process left behind is removed when the next one starts. Set ``TMPDIR`` to put them elsewhere.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import getpid, getuid
from pathlib import Path

from pixleak.core.whole_files import alive, writing

PREFIX = "pixleak-private-"


@contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder that is removed when the block ends, however it ends.

    Raises:
        InputError: it cannot be made.
    """
    sweep_private()
    place = Path(tempfile.gettempdir())
    with writing(place):
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{platform.node()}-{getpid()}-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_private() -> None:
    """Remove what processes of this user on this machine left behind when they were killed."""
    start = f"{PREFIX}{platform.node()}-"
    with suppress(OSError):
        for left in Path(tempfile.gettempdir()).glob(f"{start}*"):
            pid = left.name.removeprefix(start).partition("-")[0]
            if pid.isdecimal() and not alive(int(pid)):
                with suppress(OSError):
                    if left.stat().st_uid == getuid():
                        shutil.rmtree(left, ignore_errors=True)
