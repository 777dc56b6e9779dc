"""Validation errors of pydantic as one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from pixleak.core.registry import alternatives

_WORDS = {"greater than or equal to": "at least", "less than or equal to": "at most"}


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
    place = ".".join(str(part) for part in first["loc"] if part not in set(without))
    if kind == "extra_forbidden":
        return f"unknown {noun} {place!r}{alternatives(str(first['loc'][-1]), known)}"
    if kind == "missing":
        return f"{place} is missing"
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    for long, short in _WORDS.items():
        message = message.replace(long, short)
    if message.startswith("Input should "):
        message = f"must {message.removeprefix('Input should ')}"
        return f"{place or 'the value'} {message}, got {first['input']!r}"
    begin = f"{place}: " if place else ""
    return f"{begin}{message[0].lower()}{message[1:]}, got {first['input']!r}"
