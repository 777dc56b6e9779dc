"""Which reader fits a folder, by what the folder looks like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pixleak.core.errors import InputError
from pixleak.records.readers import READERS, Reader
from pixleak.records.readers.files.layouts import Recognised

_RANKS = {"certain": 2, "likely": 1, "possible": 0}


@dataclass(frozen=True)
class Suggestion:
    """A reader that could read a folder.

    Args:
        kind: of reader.
        seen: what it sees in the folder.
    """

    kind: type[Reader]
    seen: Recognised

    @property
    def rank(self) -> int:
        """2: certain, 1: likely, 0: possible."""
        return _RANKS[self.seen.strength]


def suggestions(folder: Path, name: str | None = None) -> list[Suggestion]:
    """Readers that could read a folder, the surest first.

    Args:
        folder: to look at.
        name: of the only reader in question; None: all.

    Raises:
        InputError: there is no such folder, or no such reader.
    """
    if not folder.is_dir():
        told = "is a file" if folder.is_file() else "does not exist"
        raise InputError(f"{folder} {told}; expected a folder of records")
    kinds = READERS.values() if name is None else [READERS[name]]
    found = [Suggestion(kind, seen) for kind in kinds for seen in kind.recognise(folder)]
    return sorted(found, key=lambda one: -one.rank)


def surest(found: list[Suggestion]) -> list[Suggestion]:
    """Those that are as sure as the first; several are ambiguous."""
    return [one for one in found if one.rank == found[0].rank]


def the_only(folder: Path, found: list[Suggestion]) -> Suggestion:
    """The reader of a folder that looks like one kind alone.

    Raises:
        InputError: it looks like none, or like several, which the sentence names.
    """
    if not found:
        raise InputError(
            f"{folder} looks like nothing that a reader knows (`pixleak list readers` names them); "
            "say how it is read, as in {reader: folders, root: PATH, images: ..., masks: ...}"
        )
    best = surest(found)
    told = "; ".join(f"{one.kind.name} ({one.seen.evidence})" for one in best)
    if len(best) > 1:
        raise InputError(
            f"{folder} can be read in {len(best)} ways: {told}; say which with reader, as "
            "`pixleak records` prints it"
        )
    if not best[0].rank:
        raise InputError(
            f"{folder} could be read by {told}, but that is not sure; say so with reader, as "
            "`pixleak records` prints it"
        )
    return best[0]
