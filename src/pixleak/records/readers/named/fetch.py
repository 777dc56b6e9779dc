"""Fetching the files of a public data set: resumable, verified, safely unpacked."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pixleak.core.disk.whole_files import writing
from pixleak.core.errors import InputError
from pixleak.records.readers.named.archives import MOST_BYTES, unpack_archive
from pixleak.records.readers.named.kept_part import KeptPart

Progress = Callable[[int, int | None], None]

_CHUNK = 1 << 18
_TIMEOUT = 30.0
_PAGES = (b"<!doctype html", b"<html")
"""How the error page or login page starts that some servers send in place of a file."""


@dataclass(frozen=True)
class Download:
    """A file to fetch.

    Args:
        url: http or https.
        sha256: hex digest, or None if it is not known; then only the archive's own checksums are
            verified.
        size: in bytes, or None if it is not known.
        unpack: whether the file is an archive (.zip, .tar, .tar.gz, .tgz) to unpack.
    """

    url: str
    sha256: str | None = None
    size: int | None = None
    unpack: bool = True

    @property
    def file(self) -> str:
        """The file's name, the last part of the address."""
        return Path(urlsplit(self.url).path).name


def fetch(download: Download, folder: Path, *, progress: Progress | None = None) -> Path:
    """Download a file into a folder, verify it, and unpack it there.

    A transfer that was cut off is resumed where it ended, if the server supports that and tells
    its versions of the file apart, or the SHA-256 is known.

    Args:
        download: the file.
        folder: where it goes; created if it is missing.
        progress: called with (bytes so far, total bytes or None).

    Returns:
        The folder, for an archive, which is removed; else the file.

    Raises:
        InputError: no network, an answer other than the file, a size or digest that does not
            match, a damaged or unsafe archive, no space, or no permission.
    """
    folder = Path(folder)
    if urlsplit(download.url).scheme not in ("http", "https") or not download.file:
        raise InputError(f"cannot fetch {download.url}: not the http(s) address of a file")
    target = folder / download.file
    part = KeptPart(folder / f"{download.file}.part", download.url, download.sha256 is not None)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not target.is_file():
        _transfer(download, part, progress)
        try:
            _verify(download, part.path)
        except InputError:
            part.remove()
            raise
        os.replace(part.path, target)
        part.remove()
    else:
        _verify(download, target)
    if not download.unpack:
        return target
    with writing(folder):
        unpack_archive(target, folder)
    target.unlink()
    return folder


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a server to another http(s) address, never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urlsplit(newurl).scheme.lower()
        if scheme not in ("http", "https"):
            raise InputError(
                f"cannot fetch {req.full_url}: the server redirects to {newurl}, which is neither "
                "http nor https"
            )
        if scheme == "http" and req.full_url.lower().startswith("https:"):
            raise InputError(
                f"cannot fetch {req.full_url}: the server redirects from https to {newurl}, where "
                "anybody on the way could exchange the file"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _transfer(download: Download, part: KeptPart, progress: Progress | None) -> None:
    """Append to ``part`` until the file is complete."""
    have = part.found()
    if download.size is not None and have == download.size:
        return
    request = urllib.request.Request(download.url, headers={"User-Agent": "pixleak"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if part.version is not None:
            request.add_header("If-Range", part.version)
    try:
        answer = urllib.request.build_opener(_SafeRedirects).open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have:
                # There is nothing beyond the part: it is complete, or _verify refuses it.
                return
            raise InputError(
                f"cannot fetch {download.url}: the server answers {error.code} {error.reason}"
            ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InputError(
            f"cannot fetch {download.url}: {reason}; is there a network connection?"
        ) from error
    with answer:
        # A server that ignores Range answers 200 with the whole file: start over.
        resumed = answer.status == 206 and _starts_at(answer.headers.get("Content-Range")) == have
        if answer.status == 206 and not resumed:
            raise InputError(f"cannot fetch {download.url}: the server resumes at another place")
        done = have if resumed else 0
        length = answer.headers.get("Content-Length")
        known = length is not None and length.strip().isdecimal()
        total = done + int(length) if known else download.size
        if not resumed:
            part.starts_over()
        part.version = _version(answer.headers)
        folder = part.path.parent
        with writing(part.path):
            if total is not None and total - done > shutil.disk_usage(folder).free:
                raise InputError(
                    f"no space left for {folder / download.file}: {total / 1e9:.2f} GB needed"
                )
            with part.path.open("ab" if resumed else "wb") as file:
                try:
                    while chunk := _read(answer, download):
                        part.add(file, chunk)
                        done += len(chunk)
                        if done > max(download.size or MOST_BYTES, total or 0):
                            break
                        if progress is not None:
                            progress(done, total)
                finally:
                    part.vouch(file)
    if total is not None and done < total:
        raise InputError(
            f"{download.url} was cut off after {done} of {total} bytes; run it again to continue"
        )


def _version(headers: Message) -> str | None:
    """How the server names this version of the file, for If-Range; a weak ETag does not count."""
    tag = headers.get("ETag")
    return tag if tag is not None and tag.startswith('"') else headers.get("Last-Modified")


def _starts_at(content_range: str | None) -> int | None:
    """First byte of ``"bytes 100-199/200"``."""
    first = (content_range or "").removeprefix("bytes ").split("-")[0].strip()
    return int(first) if first.isdecimal() else None


def _read(answer: IO[bytes], download: Download) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise InputError(
            f"{download.url} was cut off ({error}); run it again to continue"
        ) from error


def _verify(download: Download, file: Path) -> None:
    """Refuse and remove a file that is not the expected one."""
    size = file.stat().st_size
    wrong = None
    with file.open("rb") as opened:
        start = opened.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PAGES) and not download.file.lower().endswith((".html", ".htm")):
        wrong = "answers with a web page in place of the file"
    elif size == 0:
        wrong = "is empty"
    elif download.size is not None and size != download.size:
        wrong = f"has {size} bytes instead of {download.size}"
    elif download.sha256 is not None:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != download.sha256.lower():
            wrong = f"has SHA-256 {found} instead of {download.sha256}"
    if wrong is not None:
        file.unlink()
        raise InputError(f"{download.url} {wrong}; it was removed, fetch it again")
