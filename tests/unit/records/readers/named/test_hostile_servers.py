"""Downloads from a server that misbehaves in one way at a time."""

from __future__ import annotations

import io
import random
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pixleak.core.errors import InputError
from pixleak.records.readers.named import archives
from pixleak.records.readers.named.fetch import Download, fetch

PAGE = b"\n<!DOCTYPE html><html><body>Please log in</body></html>"


def _zip(files: dict[str, bytes], *, link: str | None = None) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
        if link is not None:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(entry, "/etc/passwd")
    return file.getvalue()


def _encrypted() -> bytes:
    """A zip whose member says that it is encrypted, in both of its headers."""
    packed = bytearray(_zip({"a": b"content"}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(packed)


def _tar(kind: bytes, content: bytes = b"") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as packed:
        member = tarfile.TarInfo("a")
        member.size = len(content)
        member.type, member.linkname = kind, "b"
        packed.addfile(member, io.BytesIO(content))
    return file.getvalue()


GOOD = _zip({"set/a.png": b"a", "set/b.png": b"b"})


class Hostile(ThreadingHTTPServer):
    body: bytes = GOOD
    status: int = 200
    headers: dict[str, str]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.headers = {}

    def download(self, name: str = "set.zip", size: int | None = None) -> Download:
        return Download(f"http://127.0.0.1:{self.server_port}/{name}", size=size)


class _Answer(BaseHTTPRequestHandler):
    server: Hostile

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        length = {"Content-Length": str(len(self.server.body))}
        for name, value in (length | self.server.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    server = Hostile()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_web_page_served_once_is_not_kept(hostile: Hostile, tmp_path: Path) -> None:
    hostile.body = PAGE
    with pytest.raises(InputError, match="a web page in place of the file; it was removed"):
        fetch(hostile.download(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    hostile.body = GOOD
    fetch(hostile.download(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (_encrypted(), "'a' is encrypted"),
        (_zip({"a": b"a"}, link="b"), "'b' is a link"),
        (_tar(tarfile.SYMTYPE), "'a' is a link"),
        (_tar(tarfile.LNKTYPE), "'a' is a link"),
        (_tar(tarfile.FIFOTYPE), "'a' is neither a file nor a folder"),
        (_zip({"a": b"a", "b/../../c": b"c"}), "would land outside"),
        (_zip({"/a": b"a"}), "would land outside"),
        (_zip({"C:\\a": b"a"}), "would land outside"),
        (GOOD[:-30], "neither a zip nor a tar"),
        (_tar(tarfile.REGTYPE, random.Random(0).randbytes(200_000))[:100_000], "is damaged"),
        (b"", "is empty"),
        (b"anything", "neither a zip nor a tar"),
    ],
)
def test_what_is_refused_is_removed(
    hostile: Hostile, tmp_path: Path, body: bytes, sentence: str
) -> None:
    hostile.body = body
    with pytest.raises(InputError, match=sentence) as caught:
        fetch(hostile.download(), tmp_path / "in")
    assert "removed" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [
        ("MOST_MEMBERS", 1, "more than 1 members"),
        ("MOST_BYTES", 1000, "unpacks to more than"),
        ("SMALL", 1000, "zip bomb"),
    ],
)
def test_bombs_are_refused_before_anything_is_written(
    hostile: Hostile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: int,
    sentence: str,
) -> None:
    hostile.body = _zip({"a": bytes(3_000_000), "b": b"b"})
    monkeypatch.setattr(archives, limit, value)
    with pytest.raises(InputError, match=sentence):
        fetch(hostile.download(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["ftp://127.0.0.1/set.zip", "file:///etc/hostname"])
def test_redirects_to_other_protocols_are_refused(
    hostile: Hostile, tmp_path: Path, place: str
) -> None:
    hostile.status, hostile.headers = 302, {"Location": place}
    with pytest.raises(InputError, match=r"cannot fetch .*[Rr]edirect"):
        fetch(hostile.download(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", ["many", "-5"])
def test_a_length_that_is_none_is_ignored(hostile: Hostile, tmp_path: Path, length: str) -> None:
    hostile.headers = {"Content-Length": length}
    fetch(hostile.download(), tmp_path)
    assert (tmp_path / "set" / "a.png").read_bytes() == b"a"


def test_a_length_that_is_too_short_or_too_long_is_noticed(
    hostile: Hostile, tmp_path: Path
) -> None:
    hostile.headers = {"Content-Length": str(len(GOOD) - 40)}
    with pytest.raises(InputError, match="removed"):
        fetch(hostile.download(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    hostile.headers = {"Content-Length": str(len(GOOD) + 40)}
    with pytest.raises(InputError, match="cut off"):
        fetch(hostile.download(), tmp_path)
    # Only what a second try goes on from is kept, never under the archive's name.
    assert [path.name for path in tmp_path.iterdir()] == ["set.zip.part"]


def test_more_than_the_known_size_is_refused(hostile: Hostile, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"instead of {len(GOOD) - 1}; it was removed"):
        fetch(hostile.download(size=len(GOOD) - 1), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_remains_of_a_killed_unpacking_are_swept(hostile: Hostile, tmp_path: Path) -> None:
    (tmp_path / ".set.zip.unpacking" / "set").mkdir(parents=True)
    (tmp_path / ".set.zip.unpacking" / "set" / "half.png").write_bytes(b"h")
    fetch(hostile.download(), tmp_path)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")) == [
        "set/a.png",
        "set/b.png",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
