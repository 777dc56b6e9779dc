"""Reading a configuration, with errors that name the key.

Unknown keys are refused and the nearest known key is named. ``--set key.sub=value``
overrides single values; values are parsed as YAML.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, Union

import yaml
from pydantic import BaseModel, ValidationError

from pixleak.core.errors import InputError
from pixleak.core.registry import alternatives
from pixleak.request.audit import AuditConfig

Config = TypeVar("Config", bound=BaseModel)


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (Union, types.UnionType, typing.Annotated, tuple):
        return [m for part in typing.get_args(annotation) for m in _models_of(part)]
    return []


def _keys_at(location: Sequence[int | str], kind: type[BaseModel]) -> list[str]:
    """The keys that are known where a validation error happened."""
    models: list[type[BaseModel]] = [kind]
    for part in location[:-1]:
        tagged = [
            m
            for m in models
            if "reader" in m.model_fields
            and part in typing.get_args(m.model_fields["reader"].annotation)
        ]
        if tagged:
            models = tagged
            continue
        named = [m for m in models if m.__name__ == part]
        if named:
            models = named
            continue
        fields = [
            m.model_fields[part] for m in models if isinstance(part, str) and part in m.model_fields
        ]
        if fields:
            models = [m for f in fields for m in _models_of(f.annotation)]
    return sorted({name for m in models for name in m.model_fields})


def _sentence(error: ValidationError, where: str, kind: type[BaseModel]) -> str:
    """The first validation error as one sentence that names the key."""
    first = error.errors()[0]
    tags = {"phantom", "named", "folders", "volumes", "dataset", "pairs", "side-by-side"}
    tags |= {"colouring", "MethodConfig", "AttackConfig"}
    location = [part for part in first["loc"] if part not in tags]
    key = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        known = _keys_at(first["loc"], kind)
        return f"{where}: unknown key {key!r}{alternatives(str(first['loc'][-1]), known)}"
    message = first["msg"].removeprefix("Value error, ")
    got = "" if first["type"] in ("missing", "value_error") else f", got {first['input']!r}"
    return f"{where}: {key + ': ' if key else ''}{message[0].lower() + message[1:]}{got}"


def override(content: dict[str, Any], settings: Sequence[str]) -> None:
    """Apply ``key.sub=value`` settings to a parsed configuration, in place.

    Raises:
        InputError: a setting has no ``=`` or its value is not YAML.
    """
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals or not path:
            raise InputError(f"--set {setting!r}: expected key=value, as in records.root=PATH")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            reason = str(getattr(error, "problem", None) or "it cannot be read")
            raise InputError(f"--set {setting!r}: {text!r} is not YAML: {reason}") from error
        value = _resolve_setting(path.split("."), value)
        *parents, last = path.split(".")
        place = content
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        place[last] = value


_PATH_KEYS = (
    "root", "images", "masks", "labels", "inputs", "targets", "path", "checkpoint", "weights",
)  # fmt: skip
_UNDER_ROOT = ("images", "masks", "labels", "inputs", "targets")
_SPEC_KEYS = ("module", "function", "discriminator")


def _resolve(content: Any, base: Path) -> Any:
    """Paths in a file are relative to the file, whatever the working directory."""
    if isinstance(content, dict):
        rooted = "root" in content
        out = {}
        for key, value in content.items():
            inner_path = key in _PATH_KEYS and not (rooted and key in _UNDER_ROOT)
            if inner_path and isinstance(value, str):
                out[key] = str(base / Path(value).expanduser())
            elif key in _SPEC_KEYS and isinstance(value, str) and ":" in value:
                file, _, name = value.rpartition(":")
                out[key] = f"{base / Path(file).expanduser()}:{name}"
            else:
                out[key] = _resolve(value, base)
        return out
    if isinstance(content, list):
        return [_resolve(item, base) for item in content]
    return content


def parse_config(content: dict[str, Any], where: str = "configuration") -> AuditConfig:
    """Validate a parsed configuration.

    Raises:
        InputError: an unknown key (the nearest known one is named), a missing one, a value
            of the wrong kind.
    """
    return validated(content, AuditConfig, where)


def read_config(path: Path, settings: Sequence[str] = ()) -> AuditConfig:
    """An audit's configuration; see :func:`read_model`."""
    return read_model(path, AuditConfig, settings)


def read_model(path: Path, kind: type[Config], settings: Sequence[str] = ()) -> Config:
    """Read a YAML configuration of some kind and apply ``--set`` overrides.

    Paths in the file are relative to the file; paths in overrides to the working directory.

    Raises:
        InputError: the file is missing, not YAML, or not a valid configuration.
    """
    content = read_content(path)
    override(content, settings)
    return validated(content, kind, str(path))


def validated(content: dict[str, Any], kind: type[Config], where: str) -> Config:
    """A parsed configuration of some kind.

    Raises:
        InputError: it is not valid; ``where`` says whose it is.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InputError(_sentence(error, where, kind)) from error


def read_content(path: Path) -> dict[str, Any]:
    """What a YAML file says, its paths relative to the file, not yet validated.

    Raises:
        InputError: the file is missing, not YAML, or holds no settings.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a configuration file")
    if not path.is_file():
        raise InputError(f"there is no configuration file {path}; 'pixleak init' writes one")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys such as records and target at the top level")
    resolved: dict[str, Any] = _resolve(content, path.parent)
    return resolved


def _resolve_setting(path: Sequence[str], value: Any) -> Any:
    """A value whose relative paths are meant from the working directory."""
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    # An image folder is relative to the root only where a root is set beside it.
    resolved = _resolve(nested, Path.cwd()) if path[-1] not in _UNDER_ROOT else nested
    for key in path:
        resolved = resolved[key]
    return resolved
