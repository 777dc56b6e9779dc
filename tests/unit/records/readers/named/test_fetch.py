"""Fetching, against a server on the loopback interface."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pixleak.core.errors import InputError
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.fetch import Download, fetch


@dataclass
class Server:
    """What it serves, how it misbehaves, and what it was asked for."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    ranges: bool = True
    lengths: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quietly."""

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            told.asked.append(asked)
            content = told.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            start = 0
            if asked is not None and told.ranges:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            else:
                self.send_response(200)
            if told.lengths:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = len(content) if told.cut_after is None else start + told.cut_after
            self.wfile.write(content[start:end])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        told.address = f"http://127.0.0.1:{http.server_port}"
        yield told
        http.shutdown()
        thread.join()


CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _tar(files: dict[str, bytes], link: str | None = None) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link is not None:
            member = tarfile.TarInfo("link")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return packed.getvalue()


def test_a_file_arrives_with_progress(server: Server, tmp_path: Path) -> None:
    server.files["/a.bin"] = CONTENT
    seen: list[tuple[int, int | None]] = []
    download = Download(f"{server.address}/a.bin", DIGEST, len(CONTENT), unpack=False)
    path = fetch(download, tmp_path / "new", progress=lambda *at: seen.append(at))
    assert path == tmp_path / "new" / "a.bin"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    # What is there is not fetched again.
    assert fetch(download, tmp_path / "new") == path
    assert server.asked == [None]


def test_a_transfer_that_was_cut_off_goes_on(server: Server, tmp_path: Path) -> None:
    server.files["/a.bin"] = CONTENT
    server.cut_after = 300_000
    download = Download(f"{server.address}/a.bin", DIGEST, unpack=False)
    with pytest.raises(InputError, match=f"cut off after 300000 of {len(CONTENT)} bytes; run it"):
        fetch(download, tmp_path)
    assert (tmp_path / "a.bin.part").stat().st_size == 300_000
    server.cut_after = None
    assert fetch(download, tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_server_that_ignores_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.files["/a.bin"], server.ranges = CONTENT, False
    (tmp_path / "a.bin.part").write_bytes(CONTENT[:1000])
    download = Download(f"{server.address}/a.bin", DIGEST, unpack=False)
    assert fetch(download, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=1000-"]


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_part_that_is_whole_already_is_taken(
    server: Server, tmp_path: Path, size: int | None
) -> None:
    server.files["/a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    download = Download(f"{server.address}/a.bin", DIGEST, size, unpack=False)
    assert fetch(download, tmp_path).read_bytes() == CONTENT


def test_archives_are_unpacked_and_removed(server: Server, tmp_path: Path) -> None:
    files = {"set/images/a.png": b"a", "set/masks/a.png": b"b"}
    server.files = {"/s.zip": _zip(files), "/s.tar.gz": _tar(files), "/stream.zip": _zip(files)}
    for name in ("s.zip", "s.tar.gz"):
        folder = fetch(Download(f"{server.address}/{name}"), tmp_path / name)
        assert (folder / "set" / "masks" / "a.png").read_bytes() == b"b"
        assert [p.name for p in folder.iterdir()] == ["set"]
    # Some servers do not say how long an archive is.
    server.lengths = False
    assert (fetch(Download(f"{server.address}/stream.zip"), tmp_path) / "set").is_dir()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sha256": "0" * 64}, f"has SHA-256 {DIGEST} instead of 000"),
        ({"size": 5}, f"has {len(CONTENT)} bytes instead of 5"),
    ],
)
def test_another_file_than_meant_is_removed(
    server: Server, tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    server.files["/a.bin"] = CONTENT
    with pytest.raises(InputError, match=sentence):
        fetch(Download(f"{server.address}/a.bin", unpack=False, **change), tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_failures_of_the_network_are_one_sentence(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot fetch .*none\.zip: the server answers 404"):
        fetch(Download(f"{server.address}/none.zip"), tmp_path)
    with pytest.raises(InputError, match=r"refused.*; is there a network connection\?"):
        fetch(Download("http://127.0.0.1:9/a.zip"), tmp_path)
    with pytest.raises(InputError, match="not the http"):
        fetch(Download("file:///etc/hostname"), tmp_path)


def test_no_space_is_said_before_the_transfer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    server.files["/a.zip"] = CONTENT
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr("pixleak.records.readers.named.fetch.shutil.disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"no space left for .*a\.zip"):
        fetch(Download(f"{server.address}/a.zip"), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.zip", CONTENT, "neither a zip nor a tar file"),
        ("a.zip", _zip({"../evil": b"x"}), "'../evil' would land outside"),
        ("a.tar.gz", _tar({"../evil": b"x"}), "'../evil' would land outside"),
        ("a.tar.gz", _tar({"/evil": b"x"}), "'/evil' would land outside"),
        ("a.tar.gz", _tar({}, link="/etc"), "is a link"),
    ],
)
def test_unsafe_archives_are_not_unpacked(
    server: Server, tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    server.files[f"/{name}"] = content
    with pytest.raises(InputError, match=sentence):
        fetch(Download(f"{server.address}/{name}"), tmp_path / "in")
    assert not (tmp_path / "evil").exists()
    assert list((tmp_path / "in").iterdir()) == []


def test_a_damaged_archive_is_removed(server: Server, tmp_path: Path) -> None:
    packed = bytearray(_zip({"a": bytes(1000) + CONTENT[:5000]}))
    packed[60] ^= 0xFF
    server.files["/a.zip"] = bytes(packed)
    with pytest.raises(InputError, match=r"a\.zip is damaged .*; it was removed, fetch it again"):
        fetch(Download(f"{server.address}/a.zip"), tmp_path)
    assert not (tmp_path / "a.zip").exists()


def test_only_sets_that_need_no_login_can_be_fetched() -> None:
    fetchable = {name for name, named in DATASETS.items() if named.downloads}
    assert fetchable == {"kvasir-seg", "camvid", "facades", "maps"}
    for named in DATASETS.values():
        assert named.how_to_get
        assert named.terms
        # pix2pix's own server speaks plain HTTP only.
        kind = ("https://", "http://efrosgans.eecs.berkeley.edu/")
        assert all(d.url.startswith(kind) and d.unpack for d in named.downloads)
