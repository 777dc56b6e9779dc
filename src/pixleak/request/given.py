"""What may stand in a request: names of methods, methods with options, or finished objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SerializationInfo, ValidationInfo

from pixleak.attacks import AttackChoice
from pixleak.core.errors import InputError
from pixleak.core.paths import located
from pixleak.core.registry import written
from pixleak.defences import DEFENCES
from pixleak.poisoning import POISONS
from pixleak.records.base import Records
from pixleak.records.readers import Reader, reader_from
from pixleak.records.survey.opening import reader_of
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


def _attack_written(choices: tuple[AttackChoice, ...]) -> list[Any]:
    found: list[Any] = []
    for one in choices:
        told = written(one.attack)
        if one.signals:
            told = {"name": told} if isinstance(told, str) else told
            told = {**told, "signals": list(one.signals)}
        found.append(told)
    return found


Signals = Annotated[Any, _several(SIGNALS.taken, "signals"), PlainSerializer(_names)]
Difficulties = Annotated[Any, _several(DIFFICULTIES.taken, "difficulties"), PlainSerializer(_names)]
LearnedSignals = Annotated[Any, _several(LEARNED.taken, "learned signals"), PlainSerializer(_names)]
Defences = Annotated[Any, _several(DEFENCES.taken, "defences"), PlainSerializer(_names)]
Attacks = Annotated[Any, _several(AttackChoice.taken, "attacks"), PlainSerializer(_attack_written)]
PoisonGiven = Annotated[Any, BeforeValidator(POISONS.taken), PlainSerializer(written)]


def _records(given: Any, info: ValidationInfo) -> Records | Reader:
    if isinstance(given, Records | Reader):
        return given
    if isinstance(given, Mapping):
        return reader_from(given, info.context)
    if isinstance(given, str | Path):
        folder = located(given, info)
        if folder.is_dir():
            return reader_of(folder)
    got = "nothing" if given is None else f"{given!r:.80}"
    if info.context is not None:  # of a file
        raise InputError(
            "expected a reader with its settings, as in {reader: folders, root: PATH}, or a folder "
            f"that looks like one kind of records, got {got}"
        )
    raise InputError(
        f"expected pixleak.Records, such as those of pixleak.read_folders(...), or a mapping with "
        f"'reader', got {got}"
    )


def _records_written(given: Records | Reader, info: SerializationInfo) -> dict[str, Any]:
    if isinstance(given, Records):
        return {"given": given.name, "count": len(given)}
    content: dict[str, Any] = given.model_dump(mode="json", exclude_defaults=info.exclude_defaults)
    return content


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
    return {method.key or method.name: dict(method.written)}
