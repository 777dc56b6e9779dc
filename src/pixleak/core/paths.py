"""Paths and code references in a configuration: relative to the file that names them.

A request that is built from a YAML file is validated with the folder of that file as context; one
that is built in Python has no such context, and its paths are relative to the working directory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ValidationInfo

from pixleak.core.errors import InputError


def located(path: str | Path, info: ValidationInfo) -> Path:
    """A path, from the folder of the configuration file that is being read; else as it is."""
    path = Path(path)
    base = (info.context or {}).get("base")
    path = path.expanduser()
    return path if base is None else Path(base) / path


def located_code(spec: str, info: ValidationInfo) -> str:
    """``"file.py:name"`` with the file relative to the configuration file that names it."""
    file, colon, name = spec.rpartition(":")
    if not colon:
        return spec
    return f"{located(Path(file), info)}:{name}"


Located = Annotated[Path, AfterValidator(located)]
"""A path, relative to the configuration file that names it. A path that is relative to another
field (a folder under ``root``) is a plain ``Path``."""

Code = Annotated[str, AfterValidator(located_code)]
"""``"file.py:name"``, the file relative to the configuration file that names it."""


def named_folder(given: object, argument: str) -> Path:
    """The folder that a caller names.

    Args:
        given: a string or a path.
        argument: that it was given as, for messages.

    Raises:
        InputError: it is neither, or names nothing.

    Example:
        >>> named_folder(None, "out")
        Traceback (most recent call last):
        pixleak.core.errors.InputError: out must be the name of a folder, got None
    """
    text = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InputError(f"{argument} must be the name of a folder, got {given!r}")
    return Path(text)


def path_fields(kind: type[BaseModel]) -> set[str]:
    """Names of the fields of a model that are relative to the file that names them.

    >>> class Place(BaseModel):
    ...     root: Located
    ...     weights: Located | None = None
    ...     inside: Path = Path("images")
    >>> sorted(path_fields(Place))
    ['root', 'weights']
    """
    return {
        field.alias or name
        for name, field in kind.model_fields.items()
        if _locates(field.metadata) or _within(field.annotation)
    }


def _within(annotation: Any) -> bool:
    """Whether a part of an annotation, such as a member of a union, is a located path."""
    return _locates(getattr(annotation, "__metadata__", ())) or any(
        _within(part) for part in get_args(annotation)
    )


def _locates(metadata: Any) -> bool:
    return any(getattr(one, "func", None) in (located, located_code) for one in metadata)
