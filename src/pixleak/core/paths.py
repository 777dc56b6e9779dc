"""Paths and code references in a configuration: relative to the file that names them.

A request that is built from a YAML file is validated with the folder of that file as context; one
that is built in Python has no such context, and its paths are relative to the working directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def _located(path: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base")
    path = path.expanduser()
    return path if base is None else Path(base) / path


def _code(spec: str, info: ValidationInfo) -> str:
    file, colon, name = spec.rpartition(":")
    if not colon:
        return spec
    return f"{_located(Path(file), info)}:{name}"


Located = Annotated[Path, AfterValidator(_located)]
"""A path, relative to the configuration file that names it. A path that is relative to another
field (a folder under ``root``) is a plain ``Path``."""

Code = Annotated[str, AfterValidator(_code)]
"""``"file.py:name"``, the file relative to the configuration file that names it."""
