"""The configuration of an audit: what ``pixleak audit CONFIG.yaml`` reads.

Unknown keys are refused and the nearest known key is named. ``--set key.sub=value``
overrides single values; values are parsed as YAML.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Union

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pixleak.auditing.sources import Source
from pixleak.errors import InputError
from pixleak.registry import nearest
from pixleak.training.recipe import Recipe
from pixleak.types import Access


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitConfig(_Part):
    """Who is trained on what."""

    kind: Literal["random", "blocks", "file"] = Field(
        "random",
        description="random; blocks of neighbouring frames for video; or a CSV of id,role",
    )
    unit: Literal["auto", "record", "subject", "group"] = Field(
        "auto", description="what stays on one side of a random split; auto: subjects if known"
    )
    target_members: int | None = Field(None, ge=1, description="null: see `counts`")
    target_nonmembers: int | None = Field(None, ge=1)
    shadow_members: int | None = Field(None, ge=0)
    shadow_nonmembers: int | None = Field(None, ge=0)
    block: int = Field(10, ge=1, description="frames a block")
    gap: int = Field(2, ge=0, description="frames dropped at a border between roles")
    path: Path | None = Field(None, description="CSV with columns id and role, for kind: file")

    @model_validator(mode="after")
    def _path_goes_with_file(self) -> SplitConfig:
        if (self.kind == "file") != (self.path is not None):
            raise ValueError("split.path goes with split.kind: file, and only with it")
        return self

    def counts(self, shadow: bool) -> dict[str, int] | None:
        """Role name -> records wanted; None shares all records out evenly.

        Once one number is given the others follow it: as many non-members as members, and for
        the shadow as for the target.

        Args:
            shadow: whether there is a shadow model; without one its roles get nothing.
        """
        numbers = (
            self.target_members,
            self.target_nonmembers,
            self.shadow_members,
            self.shadow_nonmembers,
        )
        given = [n for n in numbers if n is not None]
        if not given:
            return None
        members, nonmembers, inside, outside = numbers
        members = members or nonmembers or given[0]
        nonmembers = members if nonmembers is None else nonmembers
        if not shadow:
            inside = outside = 0
        return {
            "target-members": members,
            "target-nonmembers": nonmembers,
            "shadow-members": members if inside is None else inside,
            "shadow-nonmembers": nonmembers if outside is None else outside,
        }


class TargetConfig(_Part):
    """What is attacked: a recipe to train, an existing module, or a function."""

    recipe: Recipe | None = Field(None, description="train the target on the target members")
    module: str | None = Field(None, description="file.py:function that returns a torch module")
    checkpoint: Path | None = Field(None, description="weights for the module")
    allow_pickle: bool = Field(False, description="load a pickle checkpoint, which can run code")
    function: str | None = Field(None, description="file.py:function, images -> predictions")
    access: Access = Field(Access.LOGIT, description="what the target gives away")
    device: str = "cpu"

    @model_validator(mode="after")
    def _exactly_one(self) -> TargetConfig:
        given = [n for n in ("recipe", "module", "function") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                "target needs exactly one of recipe, module, function; "
                f"got {' and '.join(given) or 'none'}"
            )
        if self.checkpoint is not None and self.module is None:
            raise ValueError("target.checkpoint goes with target.module")
        return self


class ShadowConfig(_Part):
    """The attacker's own model, trained as the target is, on records of the attacker's."""

    recipe: Recipe | None = Field(None, description="null: the target's recipe")


class LearnedConfig(_Part):
    """A signal learned on the shadow's outputs, with parameters of its own."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class EvaluationConfig(_Part):
    """How scores are turned into rates."""

    level: float = Field(0.95, gt=0.5, lt=1, description="coverage of intervals")
    fprs: tuple[float, ...] = (0.1, 0.01, 0.001)
    replicates: int = Field(1000, ge=100, description="bootstrap replicates")


DEFAULT_SIGNALS = (
    "cross-entropy",
    "dice-loss",
    "margin",
    "worst-cross-entropy",
    "confidence",
    "entropy",
    "modified-entropy",
    "label-agreement",
)
DEFAULT_LEARNED = (
    "type-i-logistic",
    "type-ii-logistic",
    "type-i-network",
    "type-ii-network",
    "loss-map-patches",
)


class AuditConfig(_Part):
    """One audit, whole."""

    title: str = "Membership audit"
    seed: int = Field(0, ge=0, description="every random choice follows from it")
    records: Source | None = Field(None, description="one set of records, to be split")
    split: SplitConfig = SplitConfig()
    members: Source | None = Field(
        None, description="instead of records: what the target was trained on"
    )
    nonmembers: Source | None = Field(None, description="records it was not trained on")
    shadow_records: Source | None = Field(
        None, description="the attacker's own records, split in halves"
    )
    target: TargetConfig
    shadow: ShadowConfig | None = Field(ShadowConfig(), description="null: no shadow model")
    signals: tuple[str, ...] = Field(DEFAULT_SIGNALS, description="attacked by threshold")
    learned: tuple[str | LearnedConfig, ...] = Field(
        DEFAULT_LEARNED, description="learned on the shadow's outputs"
    )
    evaluation: EvaluationConfig = EvaluationConfig()
    exhibits: int = Field(
        6, ge=0, le=24, description="pictures on each side, most and least exposed"
    )
    batch_size: int = Field(16, ge=1, description="records a query")
    workers: int | None = Field(None, ge=1, description="models trained at once; null: one a core")

    @model_validator(mode="after")
    def _where_records_come_from(self) -> AuditConfig:
        apart = self.members is not None or self.nonmembers is not None
        if apart and (self.members is None or self.nonmembers is None):
            raise ValueError("members and nonmembers go together")
        if apart == (self.records is not None):
            raise ValueError("give either records (with split) or members and nonmembers")
        if self.shadow_records is not None and not apart:
            raise ValueError("shadow_records goes with members and nonmembers; records are split")
        if self.records is not None and self.target.recipe is None and self.split.kind != "file":
            raise ValueError(
                "the target exists already, so its members are a fact: give split.kind: file, "
                "or members and nonmembers"
            )
        return self

    def learned_configs(self) -> tuple[LearnedConfig, ...]:
        """Every learned signal with its parameters."""
        return tuple(
            LearnedConfig(name=entry) if isinstance(entry, str) else entry for entry in self.learned
        )


def _models_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (Union, types.UnionType, typing.Annotated, tuple):
        return [m for part in typing.get_args(annotation) for m in _models_of(part)]
    return []


def _keys_at(location: Sequence[int | str]) -> list[str]:
    """The keys that are known where a validation error happened."""
    models: list[type[BaseModel]] = [AuditConfig]
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


def _sentence(error: ValidationError, where: str) -> str:
    """The first validation error as one sentence that names the key."""
    first = error.errors()[0]
    tags = {"phantom", "named", "folders", "volumes", "dataset"}
    location = [part for part in first["loc"] if part not in tags and part != "LearnedConfig"]
    key = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        known = _keys_at(first["loc"])
        return f"{where}: unknown key {key!r}{nearest(str(first['loc'][-1]), known)}" + (
            f" Known here: {', '.join(known)}" if known else ""
        )
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
            raise InputError(f"--set {setting!r}: {text!r} is not YAML: {error}") from error
        *parents, last = path.split(".")
        place = content
        for parent in parents:
            if not isinstance(place.get(parent), dict):
                place[parent] = {}
            place = place[parent]
        place[last] = value


_PATH_KEYS = ("root", "images", "masks", "labels", "path", "checkpoint")
_SPEC_KEYS = ("module", "function")


def _resolve(content: Any, base: Path) -> Any:
    """Paths in a file are relative to the file, whatever the working directory."""
    if isinstance(content, dict):
        rooted = "root" in content
        out = {}
        for key, value in content.items():
            inner_path = key in _PATH_KEYS and not (rooted and key in ("images", "masks", "labels"))
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
    try:
        return AuditConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(_sentence(error, where)) from error


def read_config(path: Path, settings: Sequence[str] = ()) -> AuditConfig:
    """Read a YAML configuration and apply ``--set`` overrides.

    Paths in the file are relative to the file; paths in overrides to the working directory.

    Raises:
        InputError: the file is missing, not YAML, or not a valid configuration.
    """
    if not path.is_file():
        raise InputError(f"there is no configuration file {path}; 'pixleak init' writes one")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys such as records and target at the top level")
    content = _resolve(content, path.parent)
    overrides: dict[str, Any] = {}
    override(overrides, settings)
    override_resolved = _resolve(overrides, Path.cwd())
    return parse_config(_merge(content, override_resolved), str(path))


def _merge(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
