"""Validation errors of pydantic as one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pydantic import ValidationError

from pixleak.core.registry import alternatives

_TYPES = ("float", "int", "str", "bool")
"""Steps of a location that name a type of a union."""

_WORDS = {"greater than or equal to": "at least", "less than or equal to": "at most"}

_KINDS = {
    "be a valid tuple": "be a list",
    "be a valid list": "be a list",
    "be a valid string": "be a text",
    "be a valid integer": "be a whole number",
    "be a valid number": "be a number",
    "be a valid boolean": "be true or false",
    "be a valid dictionary": "be a mapping of keys to values",
}
"""What pydantic calls kinds of values -> what users call them."""

_PATH = re.compile(r"^Input is not a valid path for .*")

_FEWEST = re.compile(r"^(?:Tuple|List) should have at least (\d+ items?) after validation.*")

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
    steps = [str(part) for part in first["loc"] if part not in hidden and "[" not in str(part)]
    # A part may hold a method under its own name, poison.poison, which the caller did not write.
    place = ".".join(step for i, step in enumerate(steps) if i == 0 or step != steps[i - 1])
    if kind == "extra_forbidden":
        return f"unknown {noun} {place!r}{alternatives(str(first['loc'][-1]), known)}"
    if kind == "missing":
        return f"{place} is missing"
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    for long, short in _WORDS.items():
        message = message.replace(long, short)
    part = r"be \1(...), or " if noun == "argument" else "be "
    message = _INSTANCE.sub(rf"{part}a mapping of its settings", message)
    for reason in (", unable to ", ", got a number with a fractional part"):
        message = message.partition(reason)[0]
    message = _PATH.sub("must be a path", message)
    for technical, plain in _KINDS.items():
        message = message.replace(technical, plain)
    message = message.replace("Input should ", "must ", 1)
    message = _FEWEST.sub(r"must have at least \1", message)
    value = first["input"]
    # What YAML calls None, True and False.
    shown = (
        json.dumps(value)
        if noun == "key" and (value is None or isinstance(value, bool))
        else repr(value)
    )
    if message.startswith("must "):
        return f"{place or 'the value'} {message}, got {shown}"
    begin = f"{place}: " if place else ""
    return f"{begin}{message[0].lower()}{message[1:]}, got {shown}"
