"""Fetch a named data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pixleak.core.errors import InputError
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.named.fetch import fetch


def get(
    name: str,
    root: Path,
    *,
    on_progress: Callable[[str, int, int | None], None] | None = None,
) -> Path:
    """Fetch every file of a named set into ``root``; finished and partial files are kept.

    Args:
        name: a name in :data:`~pixleak.records.readers.named.DATASETS`.
        root: folder, created if it is missing.
        on_progress: called with (file, bytes so far, total bytes or None).

    Raises:
        InputError: an unknown name, a set that only its owner gives out (the message says how to
            get it), or a download that fails.
    """
    known = DATASETS[name]
    if not known.downloads:
        raise InputError(f"{name} cannot be fetched automatically. {known.how_to_get}")
    for download in known.downloads:

        def report(done: int, total: int | None, file: str = download.file) -> None:
            if on_progress is not None:
                on_progress(file, done, total)

        fetch(download, root, progress=report)
    return root
