"""Parts of a request: pydantic models whose errors are one sentence in the caller's words.

A part is built in two ways. Python calls its class; a wrong argument then raises an
:class:`InputError` that names the argument. A YAML file is validated as a whole, and the reader of
the file turns the same error into a sentence that names the key (:func:`sentence`).
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Union

from pydantic import BaseModel, ConfigDict, ValidationError

from pixleak.core.errors import InputError
from pixleak.core.validation import first_error

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _Called(ModelMetaclass):
    """Makes a call of the class raise an InputError instead of pydantic's own error."""

    if not TYPE_CHECKING:  # a checker would take the class for one of unknown objects

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return _called(super().__call__, cls, args, kwargs)


def _called(
    build: Callable[..., Any], kind: type[Part], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Build a part from the arguments of a call, or say in one sentence what is wrong with them."""
    if args and kind.positional:
        kwargs, args = {kind.positional: args[0], **kwargs}, args[1:]
    if args:
        raise InputError(
            f"{kind.__name__} takes its arguments by name, as in "
            f"{kind.__name__}({next(iter(kind.model_fields), 'name')}=...)"
        )
    try:
        return build(**kwargs)
    except ValidationError as error:
        raise InputError(sentence(error, kind.__name__, kind, python=True)) from None


class Part(BaseModel, metaclass=_Called):
    """Base of the parts of a request: frozen, and strict about unknown fields."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,  # of a token, say, that stands in the wrong place
    )

    positional: ClassVar[str] = ""
    """The field that a first argument without a name is for."""

    @classmethod
    def known(cls) -> tuple[str, ...]:
        """What may be given, for sentences about an unknown name."""
        return tuple(cls.model_fields)


def sentence(
    error: ValidationError, where: str, kind: type[BaseModel], *, python: bool = False
) -> str:
    """The first of pydantic's errors as one sentence.

    Args:
        error: of the validation.
        where: file or class that was being read, to begin the sentence with.
        kind: the model that was validated.
        python: whether to speak of arguments; else of keys.
    """
    first = error.errors()[0]
    known = _fields_at(first["loc"], kind) if first["type"] == "extra_forbidden" else ()
    noun = "argument" if python else "key"
    # A training method stands under its own key, and names the place of a mistake inside itself.
    told = _INNER.sub(r"\1.\2: ", first_error(error, known, noun=noun, without=("training",)))
    return f"{where}: {told}"


_INNER = re.compile(r"^([a-z][\w.]*): ([a-z][\w.-]*): ")


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (Union, types.UnionType, typing.Annotated, tuple):
        return [m for part in typing.get_args(annotation) for m in _models_of(part)]
    return []


def _fields_at(location: Sequence[int | str], kind: type[BaseModel]) -> list[str]:
    """The fields that are known where a validation error happened."""
    models: list[type[BaseModel]] = [kind]
    for part in location[:-1]:
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        if fields:
            models = [m for field in fields for m in _models_of(field.annotation)]
    return sorted(
        {name for m in models for name in (m.known() if issubclass(m, Part) else m.model_fields)}
    )
