"""Code of the user's own as it stands in a request: ``file.py:name``, or an object in Python."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

from pixleak.core.code import file_and_name, importing_from, load_function
from pixleak.core.errors import InputError
from pixleak.core.paths import located_code
from pixleak.core.registry import alternatives
from pixleak.training.own.source import digest_of_files


def name_of_code(given: Any) -> str:
    """What to call code of the user's: ``train.py:train``, or the name of the object.

    >>> name_of_code("/home/me/train.py:train"), name_of_code(sorted)
    ('train.py:train', 'sorted')
    """
    if isinstance(given, str):
        file, _, name = given.rpartition(":")
        return f"{Path(file).name}:{name}"
    while isinstance(given, functools.partial):
        given = given.func
    called = getattr(given, "__qualname__", None)
    return called if isinstance(called, str) else type(given).__name__


def _taken(given: Any, info: ValidationInfo) -> Any:
    if isinstance(given, str):
        spec = located_code(given, info)
        file_and_name(spec)
        return spec
    if callable(given) and info.context is None:
        return given
    what = "" if info.context is not None else " or a function"
    raise InputError(f"expected file.py:name{what}, got {given!r:.80}")


CodeGiven = Annotated[Any, BeforeValidator(_taken), PlainSerializer(name_of_code)]
"""``"file.py:name"``, the file relative to the configuration, or in Python anything callable."""


def loaded_code(given: Any) -> Callable[..., Any]:
    """The callable that was given.

    Raises:
        InputError: its file is missing, cannot be imported, or does not define it.
    """
    if not isinstance(given, str):
        return given  # type: ignore[no-any-return]
    path, _ = file_and_name(given)
    return load_function(given, version=digest_of_files([path])[:12])


def written_code(given: Any) -> str:
    """How it is written in a configuration."""
    return given if isinstance(given, str) else name_of_code(given)


def files_of_code(*given: Any) -> list[Path]:
    """The files that are named; none for an object."""
    return [file_and_name(one)[0] for one in given if isinstance(one, str)]


@contextmanager
def beside_code(*given: Any) -> Iterator[None]:
    """Inside, modules beside the files that are named can be imported, of the first file first."""
    folders = dict.fromkeys(path.parent for path in files_of_code(*given))
    with ExitStack() as stack:
        for folder in reversed(folders):
            stack.enter_context(importing_from(folder))
        yield


def check_arguments(
    function: Callable[..., Any],
    name: str,
    positional: tuple[str, ...],
    offered: Mapping[str, str],
    options: Mapping[str, Any],
) -> tuple[str, ...]:
    """Which of the arguments that are offered a function asks for.

    Args:
        function: of the user's.
        name: what to call it.
        positional: what it is called with in any case, in this order.
        offered: further arguments -> what they are; those that it names are given to it.
        options: that the user wants it to be called with.

    Raises:
        InputError: it cannot be called with these, or needs one that nobody gives it.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of C code
        return ()
    kinds = inspect.Parameter
    anything = any(one.kind is kinds.VAR_KEYWORD for one in parameters.values())
    named = [
        one.name
        for one in parameters.values()
        if one.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    ]
    ordered = [
        one.name
        for one in parameters.values()
        if one.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    if len(ordered) < len(positional) and not any(
        one.kind is kinds.VAR_POSITIONAL for one in parameters.values()
    ):
        shown = ", ".join(ordered) or "nothing"
        raise InputError(
            f"{name} takes {shown}, but is called with {' and '.join(positional)}: define it as "
            f"{name.rpartition(':')[2]}({', '.join((*positional, *options))})"
        )
    free = [one for one in named if one not in ordered[: len(positional)]]
    for key in options:
        if key in offered or (key not in free and not anything):
            why = "is given to it by pixleak" if key in offered else "is no argument of it"
            raise InputError(f"options: {key} {why}{alternatives(key, set(free) - set(offered))}")
    asked = tuple(one for one in free if one in offered and one not in options)
    for one in parameters.values():
        lacks = one.name in free and one.default is kinds.empty
        if lacks and one.name not in (*asked, *options):
            told = "; ".join(f"{key}: {what}" for key, what in offered.items())
            raise InputError(
                f"{name} needs an argument {one.name!r}, which nobody gives: give it in options, "
                f"or ask for what there is ({told})"
            )
    return asked
