"""Copies of private images do not outlive the process that made them."""

from __future__ import annotations

import os
import platform
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pixleak.core.private_folder import PREFIX, private_folder

LEAVES = """
import os, signal, sys, time
from pixleak.core.private_folder import private_folder
with private_folder() as folder:
    (folder / "image").write_text("private")
    print(folder, flush=True)
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


def test_what_a_killed_process_left_is_swept_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", LEAVES], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with private_folder():
            assert (left / "image").is_file()  # of a process that is still running
        process.send_signal(signal.SIGKILL)
    assert left.is_dir()
    with private_folder() as folder:
        assert list(tmp_path.iterdir()) == [folder]
