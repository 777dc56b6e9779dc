"""The request of an audit: one description behind Python, YAML file and command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from pixleak.core.disk.table_files import TABLES
from pixleak.core.errors import InputError, setting
from pixleak.core.part import MOST_SEED, Part
from pixleak.core.paths import Located
from pixleak.request.attacker import Attacker
from pixleak.request.given import RecordsGiven
from pixleak.request.parts import (
    Canaries,
    Evaluation,
    PoisonChoice,
    References,
    Run,
    SplitChoice,
)
from pixleak.request.target import TargetModel

MOVED = {
    "shadow": "attacker.shadow",
    "shadow_records": "attacker.records",
    "population": "attacker.population",
    "signals": "attacker.signals",
    "learned": "attacker.learned",
    "difficulties": "attacker.difficulties",
    "attacks": "attacker.attacks",
    "exhibits": "run.exhibits",
    "batch_size": "run.batch_size",
    "workers": "run.workers",
    "runner": "run.runner",
}
"""Keys of the earlier layout -> where they stand now."""


class AuditRequest(Part):
    """One audit, whole.

    Raises:
        InputError: an argument is unknown, cannot be used, or does not go with another.

    Example:
        >>> request = AuditRequest(
        ...     records={"reader": "phantom", "count": 40},
        ...     target={"recipe": {"network": "tiny", "epochs": 3}},
        ...     attacker="naive",
        ... )
        >>> request.attacker.kind
        'naive'
    """

    title: str = "Membership audit"
    seed: int = Field(
        0, ge=0, le=MOST_SEED, strict=True, description="every random choice follows from it"
    )
    records: RecordsGiven | None = Field(None, description="one set of records, to be split")
    split: SplitChoice = SplitChoice()
    members: RecordsGiven | None = Field(
        None,
        description="instead of records: what the target was trained on; or beside records, a CSV "
        "of id and member (true or false)",
    )
    nonmembers: RecordsGiven | None = Field(None, description="records it was not trained on")
    metadata: Located | None = Field(
        None,
        description="a CSV, TSV or Parquet file of id, subject and further columns, by whose "
        "values subgroups are made",
    )
    target: TargetModel
    attacker: Attacker = Attacker()
    references: References | None = Field(None, description="null: no pool")
    canaries: Canaries | None = Field(None, description="null: no bound on epsilon")
    poison: PoisonChoice | None = Field(None, description="null: nobody altered training records")
    evaluation: Evaluation = Evaluation()
    analyses: tuple[str, ...] | None = Field(
        None, description="sections of the result beside the attacks; null: all that apply"
    )
    run: Run = Run()

    @model_validator(mode="before")
    @classmethod
    def _of_the_earlier_layout(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            for key, place in MOVED.items():
                if key in given:
                    raise InputError(f"{key} is now {setting(place)}: write it there")
        return given

    @model_validator(mode="before")
    @classmethod
    def _members_in_a_list(cls, given: Any) -> Any:
        """``members: members.csv`` beside records is a split from that file."""
        if not isinstance(given, Mapping) or not isinstance(given.get("members"), str | Path):
            return given
        apart = given.get("records") is None and given.get("nonmembers") is not None
        if apart and Path(given["members"]).suffix.lower() not in TABLES:
            return given  # a folder, to be read by what it looks like
        if given.get("records") is None or given.get("split") is not None:
            other = "records" if given.get("records") is None else "split"
            raise InputError(
                f"{setting('members')} is a list of ids, which goes with {setting('records')} and "
                f"takes the place of {setting('split')}; "
                + ("give records" if other == "records" else "leave split out")
            )
        content = {key: value for key, value in given.items() if key != "members"}
        return {**content, "split": {"kind": "file", "path": given["members"]}}

    @model_validator(mode="after")
    def _where_records_come_from(self) -> AuditRequest:
        apart = self.members is not None or self.nonmembers is not None
        if apart and (self.members is None or self.nonmembers is None):
            raise ValueError(f"{setting('members')} and {setting('nonmembers')} go together")
        if apart == (self.records is not None):
            raise ValueError(
                f"give either {setting('records')} (with {setting('split')}) or "
                f"{setting('members')} and {setting('nonmembers')}"
            )
        for name, given in (
            ("attacker.records", self.attacker.records),
            ("attacker.population", self.attacker.population),
            ("target.reserve", self.target.reserve),
        ):
            if given is not None and not apart:
                raise ValueError(
                    f"{setting(name)} goes with {setting('members')} and {setting('nonmembers')}; "
                    f"of {setting('records')} that are split here, {setting('split')} takes shares"
                )
        if self.records is not None and self.target.training is None and self.split.kind != "file":
            raise ValueError(
                "the target exists already, so its members are a fact: set "
                f"{setting('split.kind')} to file, or give {setting('members')} and "
                f"{setting('nonmembers')}"
            )
        return self

    @model_validator(mode="after")
    def _how_models_are_trained(self) -> AuditRequest:
        shadow = self.attacker.shadow
        own = self.records is not None or self.attacker.records is not None
        if shadow is not None and shadow.training is not None and not own:
            raise ValueError(
                f"{setting('attacker.shadow')} needs {setting('attacker.records')} to train the "
                "shadow on"
            )
        if self.attacker.records is not None and self.shadow_training is None:
            raise ValueError(
                f"{setting('attacker.records')} is given, but not how the shadow model is trained "
                f"on them: give {setting('attacker.shadow')} a recipe"
            )
        if self.references is not None:
            if self.reference_training is None:
                raise ValueError(
                    f"{setting('references')} need a recipe: the target exists already, so say how "
                    "models like it are trained"
                )
            if self.references.records == "own" and (shadow is None or not own):
                raise ValueError(
                    f"{setting('references.records')} is own, which trains them on records of the "
                    f"attacker's: give {setting('attacker.records')}"
                )
        if self.attacker.learned and (shadow is None or not own):
            raise ValueError(
                f"{setting('attacker.learned')}: signals are learned on a shadow model, and there "
                f"is none: give {setting('attacker.shadow')} and {setting('attacker.records')}, or "
                "name no learned signals"
            )
        if self.poison is not None and self.target.training is None:
            raise ValueError(
                f"{setting('poison')} is put into a training set, so it needs a target that is "
                f"trained here: give {setting('target.recipe')}"
            )
        drawn_here = self.records is not None and self.split.kind != "file"
        if self.canaries is not None and not (self.target.training and drawn_here):
            raise ValueError(
                f"{setting('canaries')} must be included by the toss of a coin, so they need a "
                "target that is trained here, on records that are split here"
            )
        return self

    @property
    def shadow_training(self) -> Any:
        """How the shadow model is trained; None where there is none, or nothing says how."""
        shadow = self.attacker.shadow
        return None if shadow is None else shadow.training or self.target.training

    @property
    def reference_training(self) -> Any:
        """How the pool is trained; None where there is none, or nothing says how."""
        if self.references is None:
            return None
        return self.references.training or self.target.training or self.shadow_training
