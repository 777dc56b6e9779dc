"""The named parts of a request beside target and attacker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_serializer, model_validator
from pydantic import SerializerFunctionWrapHandler as Handler

from pixleak.core.errors import InputError, setting
from pixleak.core.part import Part
from pixleak.core.paths import Located, named_folder
from pixleak.core.roles import Role
from pixleak.records.canaries import CanaryKind
from pixleak.records.splitting.membership import FEWEST_MODELS, MOST_MODELS
from pixleak.request.given import PoisonGiven, method_written
from pixleak.runners import runner_for
from pixleak.runners.base import MAX_WORKERS
from pixleak.training import TrainingFunction, is_training_key, training_keys
from pixleak.training.method import TrainingMethod
from pixleak.training.target_kinds import method_from


class SplitChoice(Part):
    """Who is trained on what."""

    kind: Literal["random", "blocks", "file"] = Field(
        "random",
        description="random; blocks of neighbouring frames for video; or a CSV of id,role",
    )
    unit: Literal["auto", "record", "subject", "group"] = Field(
        "auto", description="what stays on one side of a random split; auto: subjects if known"
    )
    target_members: int | None = Field(None, ge=1, le=10_000_000, description="null: see `counts`")
    target_nonmembers: int | None = Field(None, ge=1, le=10_000_000)
    shadow_members: int | None = Field(None, ge=0, le=10_000_000)
    shadow_nonmembers: int | None = Field(None, ge=0, le=10_000_000)
    population: int = Field(
        0, ge=0, le=10_000_000, description="records that no model is trained on"
    )
    reserve: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="records that the defender holds beside the training records, for defences "
        "that need some; the shadow gets as many of its own",
    )
    block: int = Field(10, ge=1, le=1_000_000, description="frames per block")
    gap: int = Field(2, ge=0, le=1_000_000, description="frames dropped at a border between roles")
    path: Located | None = Field(None, description="CSV with columns id and role, for kind: file")

    @model_validator(mode="after")
    def _path_goes_with_file(self) -> SplitChoice:
        if (self.kind == "file") != (self.path is not None):
            raise ValueError(
                f"{setting('split.path')} must be given where {setting('split.kind')} is file, and "
                "only there"
            )
        for name in ("population", "reserve"):
            if self.kind == "file" and getattr(self, name):
                raise ValueError(
                    f"{setting(f'split.{name}')} is drawn; in a file, give records that role"
                )
        return self

    def counts(self, shadow: bool, canaries: int = 0) -> dict[str, int] | None:
        """Role -> number of records wanted; None shares all records out evenly.

        Once one number is given the others follow it: as many non-members as members, and for
        the shadow as for the target.

        Args:
            shadow: whether there is a shadow model; without one its roles get nothing.
            canaries: number of canaries.

        Raises:
            InputError: a population or canaries are wanted, but no number of target members.
        """
        numbers = (
            self.target_members,
            self.target_nonmembers,
            self.shadow_members,
            self.shadow_nonmembers,
        )
        given = [n for n in numbers if n is not None]
        if not given and (self.population or self.reserve or canaries):
            raise InputError(
                f"{setting('split.population')}, {setting('split.reserve')} and canaries take "
                "records that other roles would get: say how many records the target gets too, "
                f"with {setting('split.target_members')}"
            )
        if not given:
            return None
        members, nonmembers, inside, outside = numbers
        members = members or nonmembers or given[0]
        nonmembers = members if nonmembers is None else nonmembers
        if not shadow:
            inside = outside = 0
        return {
            Role.TARGET_MEMBERS: members,
            Role.TARGET_NONMEMBERS: nonmembers,
            Role.SHADOW_MEMBERS: members if inside is None else inside,
            Role.SHADOW_NONMEMBERS: nonmembers if outside is None else outside,
            Role.POPULATION: self.population,
            Role.CANARIES: canaries,
            Role.RESERVE: self.reserve,
            Role.SHADOW_RESERVE: self.reserve if shadow else 0,
        }


class TrainingChoice(Part):
    """Base of the parts that may name a training method, by the method's own key.

    ``recipe: {epochs: 3}`` stands for ``training=Recipe(epochs=3)``; a method of another package
    stands under its own name in the same way. In Python a function ``train(records, seed)`` may
    be given as well.
    """

    training: Any = Field(
        None, description="a training method: recipe, a function, or one of a package"
    )

    @classmethod
    def known(cls) -> tuple[str, ...]:
        return (*cls.model_fields, *training_keys())

    @model_validator(mode="before")
    @classmethod
    def _method_by_its_key(cls, given: Any) -> Any:
        if isinstance(given, TrainingMethod):
            return {"training": given}
        if not isinstance(given, Mapping):
            return given
        content = dict(given)
        others = (key for key in content if key not in cls.model_fields)
        keys = [key for key in others if is_training_key(key)]
        if len(keys) > 1 or (keys and content.get("training") is not None):
            told = " and ".join(["training"] * (len(keys) < 2) + keys)
            raise ValueError(f"give one training method, got {told}")
        for key in keys:
            settings = content.pop(key)
            if settings is not None:
                content["training"] = {key: settings}
        return content

    @field_validator("training", mode="before")
    @classmethod
    def _method(cls, given: Any, info: ValidationInfo) -> TrainingMethod | None:
        if given is None or isinstance(given, TrainingMethod):
            return given
        if callable(given) and not isinstance(given, type) and info.context is None:
            return TrainingFunction(function=given)
        if isinstance(given, Mapping) and len(given) == 1:
            ((key, settings),) = given.items()
            return method_from({key: settings}, info.context, where="")
        raise InputError(
            f"{given!r} is no training method: give an object, as in training=Recipe(epochs=50), "
            "or a function train(records, seed)"
        )

    @model_serializer(mode="wrap")
    def _under_its_key(self, write: Handler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        content.pop("training", None)
        if self.training is not None:
            content |= method_written(self.training)
        return content


class References(TrainingChoice):
    """A pool of reference models, some of which are trained on each record and some not."""

    positional: ClassVar[str] = "models"

    models: int = Field(16, ge=FEWEST_MODELS, le=MOST_MODELS, description="even")
    records: Literal["audited", "own"] = Field(
        "audited",
        description="audited: halves of the audited records, as an auditor can; own: halves of "
        "the attacker's own records, as an outsider must",
    )
    leave_one_out: bool = Field(True, description="attack every model of the pool as well")

    @model_validator(mode="before")
    @classmethod
    def _by_number(cls, given: Any) -> Any:
        return {"models": given} if isinstance(given, int) else given

    @field_validator("models")
    @classmethod
    def _in_pairs(cls, models: int) -> int:
        if models % 2:
            raise ValueError(f"they are drawn in complementary pairs: give {models + 1}")
        return models


class Canaries(Part):
    """Records with wrong label maps, each trained on by the toss of a coin."""

    count: int = Field(100, ge=10, le=1_000_000, description="about half of them are trained on")
    kind: CanaryKind = Field("shifted", description="shifted or relabelled label maps")
    abstain: float = Field(
        0.0, ge=0, lt=1, description="share not guessed; fixed before anything is scored"
    )
    delta: float = Field(1e-5, ge=0, lt=1, description="of the (epsilon, delta) in question")


class PoisonChoice(Part):
    """What somebody put into the training set, with parameters of its own."""

    poison: PoisonGiven = Field(description="see `pixleak list poisons`")
    shadows: Literal["alike", "clean"] = Field(
        "alike",
        description="alike: the attacker made the poison and trains shadow and references on it "
        "too; clean: on none",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return {"poison": given}
        if "poison" in given:
            return given
        shadows = {key: given[key] for key in ("shadows",) if key in given}
        return {"poison": {k: v for k, v in given.items() if k != "shadows"}, **shadows}

    @model_serializer(mode="wrap")
    def _flat(self, write: Handler) -> dict[str, Any]:
        content: dict[str, Any] = write(self)
        told = content.pop("poison")
        return ({"name": told} if isinstance(told, str) else told) | content


class Evaluation(Part):
    """How scores are turned into rates."""

    level: float = Field(0.95, gt=0.5, lt=1, description="coverage of intervals")
    fprs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.1, 0.01, 0.001), min_length=1)
    replicates: int = Field(1000, ge=100, le=1_000_000, description="bootstrap replicates")
    near_copies: Literal["one unit", "separate"] = Field(
        "one unit", description="near-identical records of a side without subjects"
    )


class Run(Part):
    """Where and how an audit runs; nothing here changes what is found.

    The folder and whether progress is shown are no settings of a configuration file: on the
    command line they are options.
    """

    positional: ClassVar[str] = "folder"

    folder: Path | None = Field(
        None, exclude=True, description="run folder, where an interrupted audit resumes"
    )
    progress: bool = Field(False, exclude=True, description="show progress bars")
    workers: int | None = Field(
        None,
        ge=0,
        le=MAX_WORKERS,
        description="models trained side by side; 0: in this process; null: one per core",
    )
    runner: str = Field("local", description="local, ray, or ray:ADDRESS of a cluster")
    batch_size: int = Field(16, ge=1, le=1_000_000, description="records per query")
    exhibits: int = Field(
        6, ge=0, le=24, description="pictures on each side, most and least exposed"
    )

    @model_validator(mode="after")
    def _runner_exists(self) -> Run:
        try:
            runner_for(self.runner, self.workers)
        except InputError as error:
            raise ValueError(error.args[0]) from None
        return self

    @model_validator(mode="before")
    @classmethod
    def _no_options_in_a_file(cls, given: Any, info: ValidationInfo) -> Any:
        if info.context is not None and isinstance(given, Mapping):
            for key, option in (("folder", "give --out"), ("progress", "leave it out")):
                if key in given:
                    raise InputError(f"{key} is no key of a configuration file: {option}")
        return given

    @field_validator("folder", mode="before")
    @classmethod
    def _named(cls, folder: object) -> Path | None:
        return None if folder is None else named_folder(folder, "it")
