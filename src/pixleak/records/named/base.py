"""What a named data set is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pixleak.errors import InputError
from pixleak.records.fetch import Download
from pixleak.types import Truth

if TYPE_CHECKING:
    from pixleak.records.base import Records


class OpenSet(Protocol):
    """Reads a user's own copy; sets may take further options by name."""

    def __call__(self, root: Path, size: tuple[int, int] | None = None) -> Records:
        """The records under ``root``, resized to ``size`` (h, w).

        Raises:
            InputError: ``root`` does not hold the set.
        """


@dataclass(frozen=True)
class NamedSet:
    """A public data set that a user can bring.

    Args:
        name: kebab-case, as ``pixleak data`` lists it.
        summary: one line.
        source: paper or site.
        terms: what its licence allows.
        truth: what kind of truth its records have, at the default options.
        open: reads a copy of it.
        downloads: what may be fetched without logging in anywhere; may be empty.
        how_to_get: one or two sentences for a user who has no copy.
    """

    name: str
    summary: str
    source: str
    terms: str
    truth: Truth
    open: OpenSet
    downloads: tuple[Download, ...]
    how_to_get: str


def root_with(root: Path, inside: tuple[str, ...], needed: tuple[str, ...], what: str) -> Path:
    """The first of ``root`` and ``root/inside...`` that holds all the folders needed.

    Raises:
        InputError: none does.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{what}: there is no folder {root}")
    for candidate in (root, *(root / name for name in inside)):
        if all((candidate / name).is_dir() for name in needed):
            return candidate
    raise InputError(f"{what}: {root} holds no folders {' and '.join(needed)}; see pixleak data")
