"""What a configuration can name as a model: a training method, or a kind of existing target.

Under ``target:`` exactly one key of a training method or of :data:`TARGETS` is needed;
:func:`method_from` and :func:`target_kind_from` turn it, with the options beside it, into an
object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pixleak.core.errors import InputError
from pixleak.core.part import sentence
from pixleak.core.registry import Registry, alternatives
from pixleak.targets.kind import TargetKind
from pixleak.targets.kinds.exported_program import Exported
from pixleak.targets.kinds.function import FunctionKind
from pixleak.targets.kinds.http import HttpEndpoint
from pixleak.targets.kinds.huggingface_folder import HuggingFace
from pixleak.targets.kinds.kserve import KServe
from pixleak.targets.kinds.module import ModuleKind
from pixleak.targets.kinds.onnx_model import Onnx
from pixleak.targets.kinds.predictions import Predictions
from pixleak.targets.kinds.torchscript_file import TorchScript
from pixleak.training import METHODS, OWN, Recipe, TrainingFunction, is_training_key, training_keys
from pixleak.training.method import TrainingMethod
from pixleak.training.weights import WeightsKind

_ALL: tuple[type[TargetKind], ...] = (
    ModuleKind,
    FunctionKind,
    WeightsKind,
    TorchScript,
    Exported,
    Onnx,
    HuggingFace,
    Predictions,
    HttpEndpoint,
    KServe,
)

TARGETS: Registry[type[TargetKind]] = Registry(
    "targets", {one.name: one for one in _ALL}, noun="kind of target", base=TargetKind
)

K = TypeVar("K", bound=BaseModel)


def target_kind_from(
    content: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
    *,
    where: str = "target",
    beside: Iterable[str] = (),
) -> TargetKind:
    """The kind of target that a configuration names, with its options.

    Args:
        content: the key of one kind and the options that stand beside it.
        context: of the validation; ``{"base": folder}`` for the folder that paths are relative to.
        where: the place in the configuration, for messages.
        beside: keys that the caller understands itself, to be suggested for an unknown key.

    Raises:
        InputError: no kind or several are named, an option is unknown (the nearest one is named)
            or has a wrong value.

    Example:
        >>> target_kind_from({"function": "model.py:ask"}, {"base": "/home/me"}).function
        '/home/me/model.py:ask'
    """

    def others() -> Iterable[str]:
        return (*training_keys(), *beside)

    kind = TARGETS[_one_of(content, TARGETS.__contains__, lambda: TARGETS, where, others)]
    return _validated(kind, content, context, where, beside)


def method_from(
    content: Mapping[str, Any],
    context: Mapping[str, Any] | None = None,
    *,
    where: str = "target",
    beside: Iterable[str] = (),
) -> TrainingMethod:
    """The training method that a configuration names: one key, whose value holds its settings.

    Args:
        content: ``{"recipe": {"network": "unet"}}``.
        context: of the validation.
        where: the place in the configuration, for messages; empty where the caller adds it.
        beside: keys that the caller understands itself, to be suggested for an unknown key.

    Raises:
        InputError: no method or several are named, a setting is unknown (the nearest one is named)
            or has a wrong value.

    Example:
        >>> method_from({"recipe": {"network": "tiny", "epochs": 3}}).description
        'tiny (width=8, layers=2), dice+ce, 3 epochs, batch 8, adam 0.001 cosine'
    """
    name = _one_of(content, is_training_key, training_keys, where, lambda: beside)
    if unknown := [key for key in content if key != name]:
        raise InputError(
            f"{where}: unknown key {unknown[0]!r}{alternatives(unknown[0], (name, *beside))}"
        )
    given = content[name]
    inside = f"{where}.{name}" if where else name
    if isinstance(given, TrainingMethod) and (given.key or given.name) == name:
        return given
    if name == TrainingFunction.key and callable(given):
        return _validated(TrainingFunction, {"function": given}, context, inside, ())
    settings = {} if given is None else given
    if not isinstance(settings, Mapping):
        hint = "; own code is given as {function: file.py:name}" if name == Recipe.name else ""
        raise InputError(f"{inside}: expected settings with values, got {given!r}{hint}")
    here = [one for one in OWN if one.key == name]
    named = [one for one in here if one.name in settings]
    if len(named) > 1:
        raise InputError(f"{inside}: give {' or '.join(one.name for one in named)}, not both")
    if not named:
        return _validated(METHODS[name], settings, context, inside, [one.name for one in here])
    fields = METHODS[name].model_fields
    if of_a_recipe := [
        key for key in settings if key in fields and key not in named[0].model_fields
    ]:
        raise InputError(
            f"{inside}: {of_a_recipe[0]} is a setting of a {name} of pixleak's, which does not go "
            f"with {named[0].name}; leave it out"
            + (", or give it in options" if "options" in named[0].model_fields else "")
        )
    return _validated(named[0], settings, context, inside, ())


def _one_of(
    content: Mapping[str, Any],
    known: Callable[[str], bool],
    names: Callable[[], Iterable[str]],
    where: str,
    others: Callable[[], Iterable[str]],
) -> str:
    """The one key of ``content`` that is known; all names are only asked for where it fails."""
    named = [key for key in content if known(key)]
    if len(named) == 1:
        return named[0]
    if not named and content:
        first = next(iter(content))
        every = (*names(), *others())
        raise InputError(f"{where}: unknown key {first!r}{alternatives(first, every)}")
    raise InputError(
        f"{where} needs exactly one of {', '.join(names())}; got {' and '.join(named) or 'none'}"
    )


def _validated(
    kind: type[K],
    content: Mapping[str, Any],
    context: Mapping[str, Any] | None,
    where: str,
    beside: Iterable[str],
) -> K:
    """The configuration as an object, or one sentence on its first error."""
    fields = [field.alias or name for name, field in kind.model_fields.items()]
    if unknown := [key for key in content if key not in fields]:
        known = (*fields, *beside)
        raise InputError(f"{where}: unknown key {unknown[0]!r}{alternatives(unknown[0], known)}")
    try:
        return kind.model_validate(dict(content), context=context)
    except ValidationError as error:
        raise InputError(sentence(error, where, kind)) from error
