"""A source of records in a configuration: ``records:`` and its like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, ValidationInfo

from pixleak.core.errors import InputError
from pixleak.records.readers import Reader, reader_from


def _reader(given: Any, info: ValidationInfo) -> Reader:
    if isinstance(given, Reader):
        return given
    if isinstance(given, Mapping):
        return reader_from(given, info.context)
    raise InputError(
        f"expected a reader with its settings, as in {{reader: folders, root: PATH}}, got {given!r}"
    )


Source = Annotated[SerializeAsAny[Reader], BeforeValidator(_reader)]
"""A reader: written as a mapping that names it under ``reader``, or given as an object."""
