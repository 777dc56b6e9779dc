"""Reading a request from a YAML file and options, with errors that name the key.

Unknown keys are refused and the nearest known key is named. ``--set key.sub=value`` overrides
single values; values are parsed as YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pixleak.core.errors import InputError
from pixleak.core.part import sentence
from pixleak.core.paths import path_fields
from pixleak.records.readers import READERS
from pixleak.request.audit import AuditRequest
from pixleak.request.parts import SplitChoice
from pixleak.request.yaml_text import parse_yaml
from pixleak.training import METHODS
from pixleak.training.target_kinds import TARGETS

Request = TypeVar("Request", bound=BaseModel)


def read_request(path: Path, kind: type[Request], settings: Sequence[str] = ()) -> Request:
    """Read a request of some kind from a YAML file and apply ``--set`` overrides.

    Paths in the file are relative to the file; paths in overrides to the working directory.

    Raises:
        InputError: the file is missing, not YAML, or not a valid request.
    """
    content = read_content(path)
    check_command(content, path, _COMMANDS.get(kind.__name__, ""))
    override(content, settings)
    return validated(content, kind, str(path), base=path.parent)


_COMMANDS = {"AuditRequest": "audit", "QueryRequest": "query", "SetTestRequest": "set-test"}

_OWN = {
    "study": {"base", "axes"},
    "set-test": {"owned", "comparable"},
    "query": {"record"},
    "audit": {"members", "records", "split", "attacker"},
}
"""Command -> keys that only its files have."""


def check_command(content: Mapping[str, Any], path: Path, command: str) -> None:
    """Refuse a file that was written for another command.

    Args:
        content: of the file.
        path: the file.
        command: that it was given to; empty: any.

    Raises:
        InputError: it has keys that only the files of another command have, and none of its own.
    """
    if command not in _OWN or _OWN[command] & set(content):
        return
    for other, keys in _OWN.items():
        if found := sorted(keys & set(content)):
            more = " INPUT TRUTH" if other == "query" else ""
            raise InputError(
                f"{path} has the key {found[0]!r}, which makes it a file for another command: run "
                f"`pixleak {other} {path}{more}`"
            )


def parse_request(
    content: Mapping[str, Any], where: str = "configuration", base: Path | None = None
) -> AuditRequest:
    """The request of an audit from parsed content.

    Args:
        content: what a file holds.
        where: the file, for messages.
        base: folder that relative paths start from; None: the working directory.

    Raises:
        InputError: a key is unknown (the nearest known one is named) or missing, or a value
            cannot be used.
    """
    return validated(content, AuditRequest, where, base=base)


def validated(
    content: Mapping[str, Any], kind: type[Request], where: str, base: Path | None = None
) -> Request:
    """A request of some kind from parsed content.

    Raises:
        InputError: it is not valid; ``where`` says whose it is.
    """
    try:
        return kind.model_validate(content, context={"base": base})
    except ValidationError as error:
        raise InputError(sentence(error, where, kind)) from error


def override(content: dict[str, Any], settings: Sequence[str]) -> None:
    """Apply ``key.sub=value`` settings to parsed content, in place.

    Raises:
        InputError: a setting has no ``=`` or its value is not YAML.
    """
    for one in settings:
        path, equals, text = one.partition("=")
        if not equals or not path:
            raise InputError(f"--set {one!r}: expected key=value, as in records.root=PATH")
        try:
            value = parse_yaml(text)
        except InputError as error:
            raise InputError(f"--set {one!r}: {error}") from error
        except yaml.YAMLError as error:
            reason = str(getattr(error, "problem", None) or "it cannot be read")
            raise InputError(f"--set {one!r}: {text!r} is not YAML: {reason}") from error
        *parents, last = path.split(".")
        place = content
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        within = parents[-1] if parents and parents[-1] != "base" else ""
        place[last] = absolute({last: value}, Path.cwd(), within)[last]


_CODE = re.compile(r"\S+\.py:\w+")
"""``file.py:name``, wherever it stands."""


def absolute(content: Any, base: Path, within: str = "") -> Any:
    """The same content with paths made absolute, for content that is moved to another file.

    Args:
        content: as written in YAML.
        base: folder that its relative paths start from.
        within: the part of the request that the content is of; empty: the whole.
    """
    kinds: list[type[BaseModel]] = [SplitChoice]
    for table in (READERS, TARGETS, METHODS):
        kinds += table.values()
    names = {name for kind in kinds for name in path_fields(kind)}

    def moved(key: str, value: Any, place: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if "command" in value:  # which runs in the folder of its file
                value = {"folder": ".", **value}
            return {inner: moved(inner, one, (*place, inner)) for inner, one in value.items()}
        if isinstance(value, list):
            return [moved(key, one, place) for one in value]
        known = key in names or place[-2:] in _FOLDERS
        if not isinstance(value, str) or not (known or _CODE.fullmatch(value)):
            return value
        return str(base.absolute() / Path(value).expanduser())

    return moved("", content, (within,))


_FOLDERS = {
    *((place, name) for place in ("", "base") for name in ("records", "members", "nonmembers")),
    *(("", name) for name in ("metadata", "owned", "comparable")),
    ("base", "metadata"),
    *(("attacker", name) for name in ("records", "population")),
    ("target", "reserve"),
}
"""Places where a folder of records, or a table about them, may stand."""


def read_content(path: Path) -> dict[str, Any]:
    """What a YAML file says, not yet validated.

    Raises:
        InputError: the file is missing, not YAML, or holds no settings.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a configuration file")
    if not path.is_file():
        raise InputError(f"there is no configuration file {path}; 'pixleak init' writes one")
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys such as records and target at the top level")
    return content
