"""Copies of private images do not outlive the process that made them."""

from __future__ import annotations

import os
import platform
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixleak.core.disk.private_folder import PREFIX, private_folder

LEAVES = """
import os, signal, sys, time
from pixleak.core.disk.private_folder import PrivateFolder
folder = PrivateFolder()
(folder.path / "image").write_text("private")
print(folder.path, folder._guard.pid, flush=True)
time.sleep(60)
"""


def test_only_its_owner_can_read_it_and_it_goes_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def interrupted() -> None:
        with private_folder() as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert folder.name.startswith(f"{PREFIX}{platform.node()}-{os.getpid()}-")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _leaving(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path, int]]:
    """A process, its private folder below ``place``, and the number of the folder's guard."""
    with subprocess.Popen(
        [sys.executable, "-c", LEAVES],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(place)},
        text=True,
    ) as process:
        assert process.stdout is not None
        folder, guard = process.stdout.readline().rsplit(maxsplit=1)
        yield process, Path(folder), int(guard)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_it_goes_with_its_process_whatever_ends_that(
    tmp_path: Path, number: signal.Signals
) -> None:
    with _leaving(tmp_path) as (process, folder, _):
        assert (folder / "image").is_file()
        process.send_signal(number)
    until = time.monotonic() + 20
    while list(tmp_path.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []


def test_what_a_process_that_was_killed_with_its_guard_left_is_swept_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with _leaving(tmp_path) as (process, left, guard):
        with private_folder():
            assert (left / "image").is_file()  # of a process that is still running
        os.kill(guard, signal.SIGKILL)
        process.send_signal(signal.SIGKILL)
    assert left.is_dir()
    # Its number may be that of another process by now, which does not matter.
    living = left.rename(left.with_name(left.name.replace(f"-{process.pid}-", f"-{os.getpid()}-")))
    with private_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert not living.exists()
