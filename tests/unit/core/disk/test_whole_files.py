from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from pixleak.core.disk.whole_files import read_sealed, replaced, write_sealed, writing
from pixleak.core.errors import InputError

_KILLED = """
import os, signal, sys
from pathlib import Path
from pixleak.core.disk.whole_files import replaced
with replaced(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with replaced(path) as temporary:
        temporary.write_text("first")
        assert not path.exists()
    with pytest.raises(UnicodeEncodeError), replaced(path) as temporary:
        temporary.write_text("second \udcff", encoding="ascii")
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="part of it is a file, not a folder"),
        replaced(tmp_path / "file" / "x"),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder cannot be made"), writing(tmp_path / "x"):
        (tmp_path / "gone" / "x").write_text("")


def test_what_a_killed_process_left_is_swept_up(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    # That of a process that still runs stays.
    with replaced(path) as ours, replaced(path.with_name("other")) as other:
        ours.write_text("new")
        other.write_text("x")
        assert len(list(tmp_path.iterdir())) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "other"]


def test_a_sealed_file_is_read_only_as_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"\n", b"one\ntwo"):
        write_sealed(path, content, "a")
        assert read_sealed(path, "a") == content
        assert read_sealed(path, "b") is None
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place])
        assert read_sealed(path, "a") is None
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_sealed(path, "a") is None


def test_a_file_beyond_the_limit_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ulimit"), writing(tmp_path / "x"):
        raise OSError(errno.EFBIG, "File too large")
