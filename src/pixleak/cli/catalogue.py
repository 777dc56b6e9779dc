"""What pixleak has to offer, one line a method, read from the tables themselves."""

from __future__ import annotations

from dataclasses import dataclass

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.core.tables import SignalInfo


@dataclass(frozen=True)
class Row:
    """One method."""

    name: str
    needs: str
    summary: str
    source: str


def _needs(info: SignalInfo) -> str:
    often = f", {info.queries} queries" if info.queries > 1 else ""
    return f"{info.access}{' + truth' if info.needs_truth else ''}{often}"


def _signals() -> list[Row]:
    from pixleak.signals import SIGNALS

    infos = {name: kind().info for name, kind in SIGNALS.items()}
    return [Row(name, _needs(info), info.summary, info.source) for name, info in infos.items()]


def _difficulties() -> list[Row]:
    from pixleak.signals.difficulty import DIFFICULTIES

    infos = {name: kind().info for name, kind in DIFFICULTIES.items()}
    return [Row(name, "truth alone", info.summary, info.source) for name, info in infos.items()]


def _learned() -> list[Row]:
    from pixleak.signals.learned import LEARNED

    rows = []
    for name, kind in LEARNED.items():
        info = kind().info
        rows.append(Row(name, f"{_needs(info)} + shadow", info.summary, info.source))
    return rows


def _attacks() -> list[Row]:
    from pixleak.attacks import ATTACKS

    return [
        Row(
            name,
            f"{attack.min_references} references" if attack.min_references else "one signal",
            attack.summary,
            attack.source,
        )
        for name, attack in ATTACKS.items()
    ]


def _defences() -> list[Row]:
    from pixleak.defences import DEFENCES

    return [
        Row(
            name,
            "a reserve" if one.needs_reserve else "any model" if one.side == "output" else "recipe",
            one.summary,
            one.source,
        )
        for name, one in DEFENCES.items()
    ]


def _poisons() -> list[Row]:
    from pixleak.poisoning import POISONS

    return [
        Row(
            name,
            "training records" if one.takes == "members" else "audited records",
            one.summary,
            one.source,
        )
        for name, one in POISONS.items()
    ]


def _datasets() -> list[Row]:
    from pixleak.records.named import DATASETS

    return [
        Row(name, "fetch" if known.downloads else "own copy", known.summary, known.source)
        for name, known in DATASETS.items()
    ]


def _networks() -> list[Row]:
    from pixleak.training.networks import NETWORKS

    return [
        Row(name, f"extra {known.extra}" if known.extra else "-", known.summary, known.source)
        for name, known in NETWORKS.items()
    ]


FAMILIES = {
    "signals": ("Signals", _signals),
    "difficulties": ("Difficulties, which never ask the model", _difficulties),
    "learned": ("Signals learned on a shadow model", _learned),
    "attacks": ("Attacks", _attacks),
    "defences": ("Defences", _defences),
    "poisons": ("Poisons", _poisons),
    "datasets": ("Data sets", _datasets),
    "networks": ("Networks of recipes", _networks),
}


def catalogue(family: str | None = None) -> dict[str, list[Row]]:
    """Title -> methods, of one family or of all.

    Raises:
        InputError: there is no such family.
    """
    if family is not None and family not in FAMILIES:
        raise InputError(f"there is no family {family!r}{alternatives(family, FAMILIES)}")
    chosen = FAMILIES if family is None else {family: FAMILIES[family]}
    return {title: rows() for title, rows in chosen.values()}
