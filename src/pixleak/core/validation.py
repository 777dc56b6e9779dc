"""Validation errors of pydantic as one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import ValidationError

from pixleak.core.registry import alternatives

_TYPES = ("float", "int", "str", "bool")
"""Steps of a location that name a type of a union."""

_WORDS = {"greater than or equal to": "at least", "less than or equal to": "at most"}

_INSTANCE = re.compile(r"be a valid dictionary or instance of (\w+)")


def first_error(
    error: ValidationError,
    known: Iterable[str] = (),
    *,
    noun: str = "key",
    without: Iterable[str] = (),
) -> str:
    """The first thing that is wrong, in the words of whoever gave the values.

    Args:
        error: of any model.
        known: names that could have been meant where the first error is an unknown name.
        noun: what the caller calls a field: a key of a file, an argument of a function.
        without: steps of the error's location that the caller did not write, such as the names of
            the models of a union.

    Example:
        >>> from pydantic import BaseModel, Field
        >>> class Training(BaseModel, extra="forbid"):
        ...     epochs: int = Field(ge=1)
        >>> def told(**values):
        ...     try:
        ...         Training(**values)
        ...     except ValidationError as error:
        ...         return first_error(error, Training.model_fields)
        >>> told(epochs=0)
        'epochs must be at least 1, got 0'
        >>> told()
        'epochs is missing'
        >>> told(epochs=3, epoch=3)
        "unknown key 'epoch', did you mean 'epochs'? Known: epochs"
    """
    first = error.errors()[0]
    kind, message = first["type"], first["msg"].removeprefix("Value error, ")
    hidden = {*without, *_TYPES}
    place = ".".join(
        str(part) for part in first["loc"] if part not in hidden and "[" not in str(part)
    )
    if kind == "extra_forbidden":
        return f"unknown {noun} {place!r}{alternatives(str(first['loc'][-1]), known)}"
    if kind == "missing":
        return f"{place} is missing"
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    for long, short in _WORDS.items():
        message = message.replace(long, short)
    message = _INSTANCE.sub(r"be \1(...), or a mapping of its settings", message)
    if message.startswith("Input should "):
        message = f"must {message.removeprefix('Input should ')}"
        return f"{place or 'the value'} {message}, got {first['input']!r}"
    begin = f"{place}: " if place else ""
    return f"{begin}{message[0].lower()}{message[1:]}, got {first['input']!r}"
