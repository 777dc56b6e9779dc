"""Named tables of methods, which the CLI, the docs and the contract tests all read.

A family (signals, attacks, data sets, networks, ...) is one table in its folder's
``__init__``. Adding a method is one file plus one entry. Other packages add theirs through an
entry point of group ``pixleak.<family>``, loaded the first time the table is asked for a name
it does not hold or is iterated over.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol, TypeVar

from pixleak.errors import InputError


class Named(Protocol):
    """What a table can hold: anything with a ``name``."""

    @property
    def name(self) -> str: ...


T = TypeVar("T")


def nearest(word: str, known: Iterable[str]) -> str:
    """``", did you mean 'x'?"`` for the closest known word, or the empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""


def alternatives(word: str, known: Iterable[str]) -> str:
    """What else there is, to end a sentence about an unknown word with.

    >>> alternatives("sead", ["seed", "title"])
    ", did you mean 'seed'? Known: seed, title"
    >>> alternatives("x", ["seed", "title"])
    '. Known: seed, title'
    """
    names = sorted(known)
    return f"{nearest(word, names) or '.'} Known: {', '.join(names) or 'none'}"


def made(what: str, name: str, kind: type[Any], options: Mapping[str, Any]) -> Any:
    """A method, which is a dataclass of parameters, from its name and options.

    Args:
        what: kind of method, for messages: ``"attack"``.
        name: of the method.
        kind: its class.
        options: field -> value; lists are taken for tuples, as YAML knows no others.

    Raises:
        InputError: it has no such option, or cannot use its value.
    """
    known = [field.name for field in fields(kind)]
    if unknown := [option for option in options if option not in known]:
        raise InputError(
            f"{what} {name!r} has no option {unknown[0]!r}{alternatives(unknown[0], known)}"
        )
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise InputError(f"{what} {name!r}: {error}") from error


class Configured:
    """Base of methods that are frozen dataclasses: name and parameters are all they are."""

    name: ClassVar[str]

    @property
    def options(self) -> dict[str, Any]:
        """Its parameters."""
        return {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]

    @property
    def settings(self) -> dict[str, Any]:
        """What determines it, in plain words and numbers: ``{"name": ..., "options": {...}}``."""
        return {"name": self.name, "options": self.options}

    @property
    def description(self) -> str:
        """One line for tables and reports."""
        told = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name} ({told})" if told else self.name


class Registry(Mapping[str, T]):
    """A read-only table from name to method that reports unknown names kindly.

    Args:
        family: plural noun, also the suffix of the entry-point group: ``"attacks"``.
        entries: name -> method.

    Raises:
        InputError: on ``table[name]`` with an unknown name; the message names the nearest.
    """

    def __init__(self, family: str, entries: Mapping[str, T]) -> None:
        self.family = family
        self._entries = dict(entries)
        self._plugins_loaded = False

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for point in entry_points(group=f"pixleak.{self.family}"):
            if point.name in self._entries:
                raise InputError(
                    f"entry point {point.value!r} offers {self.family} {point.name!r}, "
                    "which is already taken; rename it"
                )
            self._entries[point.name] = point.load()

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            self._load_plugins()
        if name not in self._entries:
            raise InputError(
                f"unknown name {name!r} among the {self.family}{alternatives(name, self._entries)}"
            )
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        if name not in self._entries:
            self._load_plugins()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load_plugins()
        return iter(self._entries)

    def __len__(self) -> int:
        self._load_plugins()
        return len(self._entries)
