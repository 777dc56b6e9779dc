"""What a named data set is, and how it is opened."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth, Truth
from pixleak.records.readers.named.fetch import Download

if TYPE_CHECKING:
    from torch import Tensor

    from pixleak.records.base import Records
    from pixleak.records.readers.files.keys import FileKeys


PHOTO_TO_LABELS, LABELS_TO_PHOTO = "photo-to-labels", "labels-to-photo"


class OpenSet(Protocol):
    """Reads a user's own copy.

    A set whose files may have been converted takes ``files``, the
    :class:`~pixleak.records.readers.files.keys.FileKeys` that say how they are read; a set may take
    further options by name.
    """

    def __call__(self, root: Path, size: tuple[int, int] | None = None) -> Records:
        """The records under ``root``, resized to ``size`` (h, w).

        Raises:
            InputError: ``root`` does not hold the set.
        """


@dataclass(frozen=True)
class NamedSet:
    """A public data set, read from a user's own copy.

    Another package offers one through an entry point of the group ``pixleak.datasets``.

    Args:
        name: kebab-case, as ``pixleak data list`` shows it.
        summary: one line.
        source: paper or web site.
        terms: what the licence allows.
        truth: what kind of truth the records have, at the default options.
        open: reads a copy of the set.
        downloads: files that may be fetched without an account; may be empty.
        how_to_get: one or two sentences for a user who has no copy.
        directions: from what to what it can be read, the default first; sets of label maps are
            turned round by :func:`open_named`.
        edges: finds the edges between instances, if the set has instances.
    """

    name: str
    summary: str
    source: str
    terms: str
    truth: Truth
    open: OpenSet
    downloads: tuple[Download, ...]
    how_to_get: str
    directions: tuple[str, ...] = (PHOTO_TO_LABELS, LABELS_TO_PHOTO)
    edges: Callable[[Path, tuple[int, int] | None], Callable[[int], Tensor] | None] | None = None


def chosen_direction(name: str, known: tuple[str, ...], direction: str | None) -> str:
    """The direction that is asked for, or the first one.

    Raises:
        InputError: the set has no such direction.
    """
    if direction is None:
        return known[0]
    if direction not in known:
        raise InputError(f"{name}: there is no direction {direction!r}; known: {', '.join(known)}")
    return direction


def open_named(
    known: NamedSet,
    root: Path,
    size: tuple[int, int] | None,
    direction: str | None = None,
    *,
    files: FileKeys | None = None,
    options: Mapping[str, Any] | None = None,
) -> Records:
    """A named set in one of its directions.

    Args:
        known: the set.
        root: the user's copy.
        size: (h, w) to resize to; None keeps it.
        direction: from what to what; None for the set's usual one.
        files: how its files are read, where they are not as they were published.
        options: the set's own.

    Raises:
        InputError: ``root`` does not hold the set, or the set has no such direction, option, or
            way to read its files.
    """
    from pixleak.records.readers.labels_to_photo import labels_to_photo

    own = dict(options or {})
    takes = inspect.signature(known.open).parameters
    chosen = set(takes) - {"root", "size", "direction", "files"}
    for name in own:
        if name not in chosen:
            raise InputError(
                f"{known.name}: there is no option {name!r}; known: "
                f"{', '.join(sorted(chosen)) or 'none'}"
            )
    if files is not None and files.given():
        if "files" not in takes:
            raise InputError(
                f"{known.name} is read as it was published, so {next(iter(files.given()))} has no "
                "effect; leave it out"
            )
        own["files"] = files
    if not isinstance(known.truth, LabelTruth):
        return known.open(root, size, direction=direction, **own)  # type: ignore[call-arg]
    way = chosen_direction(known.name, known.directions, direction)
    records = known.open(root, size, **own)
    if way == PHOTO_TO_LABELS:
        return records
    edges = None if known.edges is None else known.edges(root, size)
    return labels_to_photo(records, edges=edges)


def root_with(root: Path, inside: tuple[str, ...], needed: tuple[str, ...], what: str) -> Path:
    """The first of ``root`` and the folders ``inside`` it that holds all the folders needed.

    Raises:
        InputError: none of them does.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{what}: there is no folder {root}")
    for candidate in (root, *(root / name for name in inside)):
        if all((candidate / name).is_dir() for name in needed):
            return candidate
    raise InputError(
        f"{what}: {root} holds no folders {' and '.join(needed)}; see pixleak data list"
    )
