"""A folder in place of a reader: read by what it looks like, where that is one thing alone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from pixleak.core.errors import InputError
from pixleak.records.base import Records
from pixleak.records.readers import Reader
from pixleak.records.readers.files.layouts import folders_below
from pixleak.records.survey.contents import contents_of
from pixleak.records.survey.suggestions import suggestions, the_only


def reader_of(folder: Path) -> Reader:
    """The reader, with its settings, of a folder that looks like one kind alone.

    Raises:
        InputError: it looks like none, or like several, or something in it is wrong.
    """
    inside = folders_below(folder) if folder.is_dir() else []
    return _reader_of(folder, tuple(one.stat().st_mtime_ns for one in inside))


# The cells of a study name one folder many times; it is looked at again if files come or go.
@lru_cache(maxsize=8)
def _reader_of(folder: Path, changed: tuple[int, ...]) -> Reader:
    best = the_only(folder, suggestions(folder))
    found = contents_of(best)
    if found.problems:
        more = len(found.problems) - 1
        raise InputError(
            f"{folder} looks like records for the reader {best.kind.name}, but "
            f"{found.problems[0]}{f' (and {more} more)' if more else ''}; `pixleak records "
            f"{folder}` lists what is wrong, and how the rest is read"
        )
    return best.kind.model_validate(found.settings)


def read_records(folder: str | Path, *, name: str | None = None, **options: Any) -> Records:
    """Records of a folder, by what it looks like; ``pixleak records`` says what that is.

    Args:
        folder: of images with their masks, of volumes, or in another layout that a reader knows.
        name: what to call the set; what the reader calls it if None.
        **options: fields of the reader in place of what was found, such as ``size``.

    Raises:
        InputError: the folder looks like nothing that is known, or like several things; something
            in it is wrong; or an option does not fit.
    """
    from pixleak.records.readers.base import read

    reader = reader_of(Path(folder))
    settings = reader.model_dump(exclude_unset=True)
    settings.pop("reader", None)
    return read(type(reader), name=name, **{**settings, **options})
