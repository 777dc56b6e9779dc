"""Everything that a request can name, one line each, read from the tables themselves."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.core.tables import SignalInfo


@dataclass(frozen=True)
class Entry:
    """One line of the list."""

    name: str
    needs: str
    summary: str
    source: str


@dataclass(frozen=True)
class Family:
    """A table of methods.

    Args:
        title: over the list.
        table: ``"package.module:NAME"`` of the registry; imported when it is listed.
        needs: what a method of the table needs, in a few words.
    """

    title: str
    table: str
    needs: Callable[[Any], str]


def _info(entry: Any) -> SignalInfo:
    info: SignalInfo = (entry() if isinstance(entry, type) else entry).info
    return info


def _signal_needs(entry: Any) -> str:
    info = _info(entry)
    often = f", {info.queries} queries" if info.queries > 1 else ""
    return f"{info.access}{' + truth' if info.needs_truth else ''}{often}"


def _defence_needs(one: Any) -> str:
    if one.needs_reserve:
        return "a reserve"
    return "any model" if one.side == "output" else "recipe"


def _extra(one: Any) -> str:
    extra = getattr(one, "extra", None) or getattr(one, "needs", None)
    return f"extra {extra}" if extra else "-"


FAMILIES: Mapping[str, Family] = {
    "readers": Family("Readers of records", "pixleak.records.readers:READERS", _extra),
    "datasets": Family(
        "Named data sets",
        "pixleak.records.readers.named:DATASETS",
        lambda one: "fetch" if one.downloads else "own copy",
    ),
    "targets": Family("Kinds of target", "pixleak.training.target_kinds:TARGETS", _extra),
    "training-methods": Family("Training methods", "pixleak.training:METHODS", _extra),
    "networks": Family("Networks of recipes", "pixleak.training.networks:NETWORKS", _extra),
    "signals": Family(
        "Signals of segmenters and generators", "pixleak.signals:SIGNALS", _signal_needs
    ),
    "difficulties": Family(
        "Difficulties, which never ask the model",
        "pixleak.signals.difficulty:DIFFICULTIES",
        lambda one: "truth alone",
    ),
    "learned-signals": Family(
        "Signals learned on a shadow model",
        "pixleak.signals.learned:LEARNED",
        lambda one: f"{_signal_needs(one)} + shadow",
    ),
    "attacks": Family(
        "Attacks",
        "pixleak.attacks:ATTACKS",
        lambda one: f"{one.min_references} references" if one.min_references else "one signal",
    ),
    "defences": Family("Defences", "pixleak.defences:DEFENCES", _defence_needs),
    "poisons": Family(
        "Poisons",
        "pixleak.poisoning:POISONS",
        lambda one: "training records" if one.takes == "members" else "audited records",
    ),
    "analyses": Family(
        "Analyses, which become sections of the result",
        "pixleak.analyses:ANALYSES",
        lambda one: "-",
    ),
}


def catalogue(family: str | None = None) -> dict[str, list[Entry]]:
    """Title -> methods, of one family or of all.

    Raises:
        InputError: there is no such family.
    """
    if family is not None and family not in FAMILIES:
        raise InputError(f"there is no family {family!r}{alternatives(family, FAMILIES)}")
    chosen = FAMILIES.values() if family is None else [FAMILIES[family]]
    return {one.title: _entries(one) for one in chosen}


def _entries(family: Family) -> list[Entry]:
    module, _, name = family.table.partition(":")
    table = getattr(importlib.import_module(module), name)
    return [
        Entry(key, family.needs(one), _said(one, "summary"), _said(one, "source"))
        for key, one in table.items()
    ]


def _said(entry: Any, what: str) -> str:
    """The summary or the source of a method, its signal's where it is one, or empty."""
    own = getattr(entry, what, None)
    if isinstance(own, str):
        return own
    return str(getattr(_info(entry), what)) if hasattr(entry, "info") else ""
