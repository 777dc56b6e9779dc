"""What may stand in a request: names of methods, methods with options, or finished objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

from pixleak.attacks import ATTACKS
from pixleak.attacks.choice import AttackChoice
from pixleak.core.errors import InputError
from pixleak.core.registry import Registry, written
from pixleak.defences import DEFENCES
from pixleak.poisoning import POISONS
from pixleak.records.base import Records
from pixleak.records.readers import Reader, reader_from
from pixleak.signals import SIGNALS
from pixleak.signals.difficulty import DIFFICULTIES
from pixleak.signals.learned import LEARNED
from pixleak.training.method import TrainingMethod

if TYPE_CHECKING:
    from collections.abc import Callable


def _several(take: Callable[[Any], Any], what: str) -> BeforeValidator:
    """Validates a list of methods, each given by name, with options, or as an object."""

    def taken(given: object) -> tuple[Any, ...]:
        if isinstance(given, str | Mapping) or not isinstance(given, list | tuple):
            raise InputError(f"expected a list of {what}, as in [NAME, NAME], got {given!r}")
        return tuple(take(one) for one in given)

    return BeforeValidator(taken)


def _names(methods: tuple[Any, ...]) -> list[Any]:
    return [written(one) for one in methods]


def _method_of(*tables: Registry[Any]) -> Callable[[Any], Any]:
    """Looks a method up in the first of several tables that has its name."""

    def take(given: Any) -> Any:
        name = given.get("name") if isinstance(given, Mapping) else given
        for table in tables:
            known = table.base is not None and isinstance(given, table.base)
            if known or (isinstance(name, str) and name in table):
                return table.taken(given)
        return tables[0].taken(given)

    return take


def attack_choice(given: Any) -> AttackChoice:
    """An attack with the signals it is used on.

    Args:
        given: a name, an attack, an :class:`AttackChoice`, or a mapping of name, signals, options.

    Raises:
        InputError: it is none of these, or has no such option.
    """
    if isinstance(given, AttackChoice):
        return given
    if isinstance(given, Mapping):
        signals = given.get("signals") or ()
        if isinstance(signals, str) or not all(isinstance(one, str) for one in signals):
            raise InputError(
                f"attack {given.get('name')!r}: signals must be a list of names, got {signals!r}"
            )
        rest = {key: value for key, value in given.items() if key != "signals"}
        return AttackChoice(ATTACKS.taken(rest), tuple(signals))
    return AttackChoice(ATTACKS.taken(given))


def _attack_written(choices: tuple[AttackChoice, ...]) -> list[Any]:
    found: list[Any] = []
    for one in choices:
        told = written(one.attack)
        if one.signals:
            told = {"name": told} if isinstance(told, str) else told
            told = {**told, "signals": list(one.signals)}
        found.append(told)
    return found


Signals = Annotated[Any, _several(_method_of(SIGNALS), "signals"), PlainSerializer(_names)]
Difficulties = Annotated[Any, _several(DIFFICULTIES.taken, "difficulties"), PlainSerializer(_names)]
LearnedSignals = Annotated[Any, _several(LEARNED.taken, "learned signals"), PlainSerializer(_names)]
Defences = Annotated[Any, _several(DEFENCES.taken, "defences"), PlainSerializer(_names)]
Attacks = Annotated[Any, _several(attack_choice, "attacks"), PlainSerializer(_attack_written)]
PoisonGiven = Annotated[Any, BeforeValidator(POISONS.taken), PlainSerializer(written)]


def _records(given: Any, info: ValidationInfo) -> Records | Reader:
    if isinstance(given, Records | Reader):
        return given
    if isinstance(given, Mapping):
        return reader_from(given, info.context)
    raise InputError(
        f"expected records: a mapping with `reader`, a reader, or pixleak.Records, got a "
        f"{type(given).__name__}"
    )


def _records_written(given: Records | Reader) -> dict[str, Any]:
    if isinstance(given, Records):
        return {"given": given.name, "count": len(given)}
    return {"reader": given.name, **given.model_dump(mode="json")}


RecordsGiven = Annotated[Any, BeforeValidator(_records), PlainSerializer(_records_written)]
"""A reader with its settings, or records that are open already."""


def open_records(given: Records | Reader) -> Records:
    """The records that a request names, read from their files where they are not open already.

    Raises:
        InputError: they cannot be read.
    """
    return given if isinstance(given, Records) else given.open()


def method_written(method: TrainingMethod) -> dict[str, Any]:
    """A training method as it stands in a configuration: ``{"recipe": {...}}``."""
    return {method.name: method.settings}
