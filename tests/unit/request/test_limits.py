"""No number of a request is unbounded: a slip of the keyboard must not run for years."""

from __future__ import annotations

import types
import typing
from typing import Any

import annotated_types
from pydantic import BaseModel

from pixleak.records.readers import READERS
from pixleak.request import attacker, audit, parts, questions, target
from pixleak.training import adversary, recipe, recipe_settings

FREE = {"seed", "ignore", "background", "other", "index"}
"""Numbers that nothing grows with."""


def _whole(annotation: Any) -> bool:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        return any(_whole(inner) for inner in typing.get_args(annotation))
    return annotation is int


def test_every_whole_number_has_an_upper_limit() -> None:
    rooms = (attacker, audit, parts, questions, target, adversary, recipe, recipe_settings)
    kinds = {
        one
        for room in rooms
        for one in vars(room).values()
        if isinstance(one, type) and issubclass(one, BaseModel)
    }
    unbounded = sorted(
        f"{kind.__name__}.{name}"
        for kind in kinds | set(READERS.values())
        for name, field in kind.model_fields.items()
        if _whole(field.annotation)
        and name not in FREE
        and not any(
            isinstance(limit, annotated_types.Le | annotated_types.Lt) for limit in field.metadata
        )
    )
    assert len(kinds) > 20
    assert unbounded == []
