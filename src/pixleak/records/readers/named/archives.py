"""Unpacking archives from the network: checked before a byte is written, whole or not at all."""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NoReturn

from pixleak.core.errors import InputError

MOST_MEMBERS = 1_000_000
"""Members of an archive that are unpacked at most."""

MOST_BYTES = 500 * 10**9
"""Bytes that an archive may unpack to."""

MOST_RATIO = 200
"""How many times as large as the archive its contents may be, beyond ``SMALL`` bytes."""

SMALL = 100 * 10**6

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def unpack_archive(archive: Path, folder: Path) -> None:
    """Check and extract a zip or tar file into a folder.

    Contents are written to a folder beside their place and moved when all of them are there. An
    archive that is refused is removed, and leaves nothing behind.

    Args:
        archive: the file.
        folder: where the contents go; files of the same name are replaced.

    Raises:
        InputError: the file is no archive, is damaged or encrypted, holds links, devices or names
            that lead outside, or unpacks to more than the limits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{archive.name}.unpacking"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as packed:
                _check(archive, folder, _of_zip(archive, packed))
                # extractall checks every member's CRC on the way.
                packed.extractall(beside)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as packed_tar:
                _check(archive, folder, _of_tar(archive, packed_tar))
                packed_tar.extractall(beside, filter="data")
        else:
            _refuse(archive, "it is neither a zip nor a tar file; was the address right?")
        _move(beside, folder)
    except _DAMAGED as error:
        if isinstance(error, InputError):
            raise
        archive.unlink()
        raise InputError(
            f"{archive} is damaged ({error}); it was removed, fetch it again"
        ) from error
    except OSError as error:
        # A gzip that ends early or is none; a full disk is for the caller to word.
        if error.errno is not None:
            raise
        archive.unlink()
        raise InputError(
            f"{archive} is damaged ({error}); it was removed, fetch it again"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _refuse(archive: Path, why: str) -> NoReturn:
    archive.unlink()
    raise InputError(f"{archive} was not unpacked and was removed: {why}")


def _of_zip(archive: Path, packed: zipfile.ZipFile) -> Iterator[tuple[str, int]]:
    for entry in packed.infolist():
        if entry.flag_bits & 1:
            _refuse(archive, f"{entry.filename!r} is encrypted")
        if stat.S_ISLNK(entry.external_attr >> 16):
            _refuse(archive, f"{entry.filename!r} is a link")
        yield entry.filename, entry.file_size


def _of_tar(archive: Path, packed: tarfile.TarFile) -> Iterator[tuple[str, int]]:
    for member in packed:
        if member.issym() or member.islnk():
            _refuse(archive, f"{member.name!r} is a link")
        if not (member.isfile() or member.isdir()):
            _refuse(archive, f"{member.name!r} is neither a file nor a folder")
        yield member.name, member.size


def _check(archive: Path, folder: Path, members: Iterator[tuple[str, int]]) -> None:
    """Refuse an archive by what it says of its members, before anything is written."""
    packed, total = archive.stat().st_size, 0
    for count, (name, size) in enumerate(members, 1):
        windows = PureWindowsPath(name)
        if windows.drive or windows.root or ".." in {*windows.parts, *PurePosixPath(name).parts}:
            _refuse(archive, f"{name!r} would land outside {folder}")
        total += size
        if count > MOST_MEMBERS:
            _refuse(archive, f"it holds more than {MOST_MEMBERS:,} members")
        if total > MOST_BYTES:
            _refuse(archive, f"it unpacks to more than {MOST_BYTES / 1e9:,.0f} GB")
        if total > max(SMALL, MOST_RATIO * packed):
            _refuse(
                archive,
                f"{packed:,} bytes unpack to more than {MOST_RATIO} times as many, as those of a "
                "zip bomb do",
            )
    if total > (free := shutil.disk_usage(folder).free):
        _refuse(archive, f"{total / 1e9:.2f} GB are needed, and {free / 1e9:.2f} GB are free")


def _move(beside: Path, folder: Path) -> None:
    beside.mkdir(exist_ok=True)
    for root, _, files in os.walk(beside):
        place = folder / Path(root).relative_to(beside)
        place.mkdir(parents=True, exist_ok=True)
        for file in files:
            os.replace(Path(root) / file, place / file)
