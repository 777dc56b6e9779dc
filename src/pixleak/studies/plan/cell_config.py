"""The configuration of a cell's audit: how it follows from the levels, and what is read from it.

This is the only module of a study that knows what an audit's configuration looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pixleak.core.registry import written
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.plan.plan import Plan
from pixleak.pipeline.storage.store import digest
from pixleak.records.base import Records
from pixleak.records.readers import Reader
from pixleak.request.audit import AuditRequest
from pixleak.request.file import parse_request
from pixleak.studies.plan.axes import Level, Settings
from pixleak.version import __version__

KNOWN_AXES = (
    "records", "victim", "shadow", "training-size", "defence", "poison", "attacker", "seed",
)  # fmt: skip
"""Axes with shorthands of their own."""

_WITHOUT_EFFECT: dict[str, Any] = {"title": True, "run": {"workers": True, "runner": True}}
"""Settings that change no result."""

_METHOD_KEYS = ("name", "reader")
"""Keys that say what the options beside them belong to."""


@dataclass(frozen=True)
class CellConfig:
    """The validated configuration of one cell."""

    audit: AuditRequest

    @classmethod
    def parse(cls, content: Settings, where: str) -> CellConfig:
        """Validate a configuration as written in YAML; ``where`` is its name in messages.

        Raises:
            InputError: it is not valid; the message names the key.
        """
        return cls(parse_request(content, where))

    @property
    def address(self) -> str:
        """Content address of the configuration and of the version that runs it."""
        # Settings that nobody changed are left out, so that a new setting keeps old addresses.
        content = self.audit.model_dump(mode="json", exclude=_WITHOUT_EFFECT, exclude_defaults=True)
        if not content.get("run"):
            content.pop("run", None)
        return digest({"pixleak": __version__, "audit": content})[:16]

    @property
    def source(self) -> Reader | None:
        """The one set of records that is split; None where members are given apart."""
        source: Reader | None = self.audit.records
        return source

    @property
    def runner(self) -> str:
        """Where models are trained."""
        return self.audit.run.runner

    @property
    def poison(self) -> str | None:
        """The name of the poison, None without."""
        return None if self.audit.poison is None else str(self.audit.poison.poison.name)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of ``study.parquet`` that follow from the configuration alone."""
        defences = self.audit.target.defences
        strengths = [
            value
            for defence in defences
            for value in (_numbers(_changed(defence)) or _numbers(defence.options))
        ]
        needed = any(defence.needs_reserve for defence in defences)
        return {
            "attacker": self.audit.attacker.kind,
            "seed": self.audit.seed,
            # The one number that was set of the one defence, where there is exactly one.
            "strength": strengths[0] if len(defences) == len(strengths) == 1 else None,
            # A study's split may hold a reserve that only some of its defences use.
            "extra_records": self.audit.split.reserve if needed else 0,
        }

    def plan(self, opened: Callable[[Any], Records]) -> Plan:
        """The plan of the audit.

        Args:
            opened: opens the records of a source.

        Raises:
            InputError: records, target or split do not fit the configuration.
        """
        return build(self.audit, opened)

    def without_poison(self) -> CellConfig:
        """The same cell with clean records."""
        return CellConfig(self.audit.model_copy(update={"poison": None}))

    def records_key(self, *, altered: bool) -> str:
        """Equal for cells that use the same records.

        Args:
            altered: whether the cell changes records (canaries, poison): then the split and the
                seed count as well.
        """
        audit = self.audit
        given = (
            audit.records,
            audit.members,
            audit.nonmembers,
            audit.attacker.records,
            audit.attacker.population,
            audit.target.reserve,
        )
        content: list[Any] = [one and source_key(one) for one in given]
        content.append(None if audit.metadata is None else str(audit.metadata))
        if altered:
            parts = audit.model_dump(mode="json", include={"seed", "split", "canaries", "poison"})
            content += [parts, audit.attacker.shadow is None]
        return digest(content)


def _changed(method: Any) -> Mapping[str, Any]:
    """The options of a method that are not the usual ones."""
    told = written(method)
    return {} if isinstance(told, str) else told["options"]


def _numbers(options: Mapping[str, Any]) -> list[float]:
    return [
        float(value)
        for value in options.values()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def source_key(source: Reader) -> str:
    """Content address of the settings of a reader."""
    return digest(source.model_dump(mode="json"))


def combine(base: Settings, levels: Mapping[str, Level]) -> Settings:
    """The configuration of one cell, not yet validated.

    Later settings win, in this order: the base; the records; axes of the user's own; the victim's
    recipe, training size, poison, defence, attacker, seed; the ``overrides`` of all levels, in the
    order of the axes; and last the shadow's recipe, which starts from the victim's final one.

    Args:
        base: what all cells have in common.
        levels: axis -> its level.
    """
    # Pictures of records take a pass of their own, and a study keeps many run folders.
    content: Settings = merge({"run": {"exhibits": 0}}, base)
    if isinstance(who := content.get("attacker"), str):
        content["attacker"] = {"kind": who}
    if "records" in levels:
        content["records"] = levels["records"].value
    for axis, level in levels.items():
        if axis not in KNOWN_AXES:
            content = merge(content, level.value)
    if "victim" in levels:
        content = merge(content, {"target": {"recipe": levels["victim"].value}})
    if "training-size" in levels:
        size = levels["training-size"].value
        sizes = {"target_members": size}
        if (content.get("split") or {}).get("shadow_members") is not None:
            sizes["shadow_members"] = size
        content = merge(content, {"split": sizes})
    if "defence" in levels:
        content = merge(content, {"target": {"defences": levels["defence"].value}})
    for axis in ("poison", "seed"):
        if axis in levels:
            content[axis] = levels[axis].value
    if "attacker" in levels:
        content = merge(content, {"attacker": {"kind": levels["attacker"].value}})
    for level in levels.values():
        content = merge(content, level.overrides)
    if "shadow" in levels:
        shadow = levels["shadow"].value
        if shadow:
            victim = (content.get("target") or {}).get("recipe") or {}
            shadow = {"recipe": merge(victim, shadow)}
        content["attacker"] = (content.get("attacker") or {}) | {"shadow": shadow}
    return content


def merge(below: Any, above: Any) -> Any:
    """``above`` laid over ``below``: mappings key by key, everything else as a whole.

    Options belong to the method beside them: where ``above`` names another network, reader or
    method, the old one's options are dropped. A bare name is the same as ``{name: NAME}``.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    >>> merge({"network": {"name": "unet", "options": {"depth": 3}}}, {"network": "tiny"})
    {'network': 'tiny'}
    >>> merge({"network": "tiny"}, {"network": {"options": {"width": 4}}})
    {'network': {'name': 'tiny', 'options': {'width': 4}}}
    """
    if isinstance(below, str) and isinstance(above, Mapping):
        below = {"name": below}
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    if any(key in above and above[key] != below.get(key) for key in _METHOD_KEYS):
        return dict(above)
    laid = {
        key: merge(below[key], value) if key in below else value for key, value in above.items()
    }
    return {**below, **laid}
