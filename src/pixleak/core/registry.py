"""Named tables of methods, which the CLI, the docs and the contract tests all read.

A family (signals, attacks, readers, networks, ...) is one table of classes in its room's
``__init__``. Adding a method is one file plus one line. Other packages add theirs through an
entry point of the group ``pixleak.<family>``, loaded the first time the table is asked for a name
that it does not hold, or is iterated over.

Wherever a request names a method, the name, the name with options, or a finished object will do;
:meth:`Registry.taken` turns all three into the object.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol, TypeVar

from pixleak.core.errors import InputError, told


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
    """A read-only table from name to method that suggests the nearest name for an unknown one.

    Args:
        family: plural noun, also the suffix of the entry-point group: ``"attacks"``.
        entries: name -> method; usually a class.
        noun: one of the family, for messages: ``"attack"``; empty: the family less its last letter.
        base: what every entry must be a subclass of, or None where entries are no classes.

    Raises:
        InputError: on ``table[name]`` with an unknown name; the message names the nearest.
    """

    def __init__(
        self,
        family: str,
        entries: Mapping[str, T],
        *,
        noun: str = "",
        base: type[Any] | None = None,
    ) -> None:
        self.family = family
        self.noun = noun or family[:-1]
        self.base = base
        self._entries = dict(entries)
        self._plugins_loaded = False

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        found: dict[str, T] = {}
        for point in entry_points(group=f"pixleak.{self.family}"):
            if point.name in self._entries or point.name in found:
                raise InputError(
                    f"entry point {point.value!r} offers {self.family} {point.name!r}, "
                    "which is already taken; rename it"
                )
            try:
                entry = point.load()
            except Exception as error:
                package = "" if point.dist is None else f" of the package {point.dist.name}"
                raise InputError(
                    f"the {self.noun} {point.name!r}{package} (entry point {point.value!r}) cannot "
                    f"be imported: {told(error)}; correct the package, or uninstall it"
                ) from error
            fits = self.base is None or (isinstance(entry, type) and issubclass(entry, self.base))
            if not fits:
                assert self.base is not None
                raise InputError(
                    f"entry point {point.value!r} of the group pixleak.{self.family} is no "
                    f"{self.noun}: it must be a subclass of {self.base.__module__}."
                    f"{self.base.__qualname__}"
                )
            found[point.name] = entry
        self._entries.update(found)
        self._plugins_loaded = True

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

    def make(self, name: str, options: Mapping[str, Any] | None = None) -> Any:
        """An object of the class called ``name``, with these options.

        Raises:
            InputError: no class has this name, it has no such option, or cannot use its value.
        """
        kind = self[name]
        assert isinstance(kind, type), f"the {self.family} are not classes"
        return made(self.noun, name, kind, options or {})

    def taken(self, given: object) -> Any:
        """The object for a name, for ``{"name": ..., "options": {...}}``, or the object itself.

        Raises:
            InputError: it is none of these, or cannot be made.
        """
        if self.base is not None and isinstance(given, self.base):
            return given
        if isinstance(given, str):
            return self.make(given)
        if isinstance(given, Mapping) and isinstance(given.get("name"), str):
            if unknown := [key for key in given if key not in ("name", "options")]:
                raise InputError(
                    f"{self.noun} {given['name']!r}: unknown key {unknown[0]!r}; a {self.noun} has "
                    "a name and options, as in {name: NAME, options: {KEY: VALUE}}"
                )
            options = given.get("options") or {}
            if not isinstance(options, Mapping):
                raise InputError(
                    f"{self.noun} {given['name']!r}: options must be names with values, got "
                    f"{options!r}"
                )
            return self.make(given["name"], options)
        if isinstance(given, type) and self.base is not None and issubclass(given, self.base):
            raise InputError(f"{given.__name__} is a class: give an object, {given.__name__}()")
        raise InputError(
            f"{given!r} is no {self.noun}: give its name, a name with options, or an object"
        )


def written(method: Any) -> str | dict[str, Any]:
    """How a method is written in a configuration: its name, with the options that are not usual."""
    kind = type(method)
    told = {
        one.name: _plain(getattr(method, one.name))
        for one in fields(kind)
        if getattr(method, one.name) != _default(one)
    }
    return {"name": method.name, "options": told} if told else str(method.name)


def _default(one: Field[Any]) -> object:
    return one.default_factory() if one.default_factory is not MISSING else one.default


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, StrEnum) else value
