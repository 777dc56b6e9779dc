"""The configuration of an audit: what may stand in ``pixleak audit CONFIG.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.records.canaries import CanaryKind
from pixleak.records.splitting.membership import FEWEST_MODELS, MOST_MODELS
from pixleak.request.sources import Source
from pixleak.training.recipe import Recipe

Attacker = Literal["adaptive", "naive"]


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
    population: int = Field(0, ge=0, description="records that no model is trained on")
    reserve: int = Field(
        0,
        ge=0,
        description="records that the defender holds beside the training records, for defences "
        "that need some; the shadow gets as many of its own",
    )
    block: int = Field(10, ge=1, description="frames a block")
    gap: int = Field(2, ge=0, description="frames dropped at a border between roles")
    path: Path | None = Field(None, description="CSV with columns id and role, for kind: file")

    @model_validator(mode="after")
    def _path_goes_with_file(self) -> SplitConfig:
        if (self.kind == "file") != (self.path is not None):
            raise ValueError("split.path goes with split.kind: file, and only with it")
        for name in ("population", "reserve"):
            if self.kind == "file" and getattr(self, name):
                raise ValueError(f"split.{name} is drawn; in a file, give records that role")
        return self

    def counts(self, shadow: bool, canaries: int = 0) -> dict[str, int] | None:
        """Role name -> records wanted; None shares all records out evenly.

        Once one number is given the others follow it: as many non-members as members, and for
        the shadow as for the target.

        Args:
            shadow: whether there is a shadow model; without one its roles get nothing.
            canaries: how many.

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
                "split.population, split.reserve and canaries take records that others would get: "
                "say how many the target gets too, with split.target_members"
            )
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
            "population": self.population,
            "canaries": canaries,
            "reserve": self.reserve,
            "shadow-reserve": self.reserve if shadow else 0,
        }


class DefenceConfig(_Part):
    """A defence, with parameters of its own."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class TargetConfig(_Part):
    """What is attacked: a recipe to train, an existing module, or a function."""

    recipe: Recipe | None = Field(None, description="train the target on the target members")
    module: str | None = Field(None, description="file.py:function that returns a torch module")
    checkpoint: Path | None = Field(None, description="weights for the module")
    allow_pickle: bool = Field(False, description="load a pickle checkpoint, which can run code")
    function: str | None = Field(None, description="file.py:function, images -> predictions")
    weights: Path | None = Field(None, description="a model that pixleak trained, .safetensors")
    discriminator: str | None = Field(
        None, description="file.py:function that returns the module's discriminator"
    )
    access: Access | None = Field(
        None,
        description="what the target gives away: label, probability or logit; of generators image "
        "or discriminator; null: logit or image",
    )
    samples: int = Field(
        1, ge=1, le=1000, description="answers to draw a record, of a generator that samples"
    )
    device: str = "cpu"
    defences: tuple[DefenceConfig, ...] = Field(
        (), description="names of defences, or names with options, in the order they are stacked"
    )

    @field_validator("defences", mode="before")
    @classmethod
    def _by_name(cls, defences: object) -> object:
        if isinstance(defences, list | tuple):
            return [{"name": one} if isinstance(one, str) else one for one in defences]
        return defences

    @model_validator(mode="after")
    def _exactly_one(self) -> TargetConfig:
        kinds = ("recipe", "module", "function", "weights")
        given = [n for n in kinds if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError(
                "target needs exactly one of recipe, module, function, weights; "
                f"got {' and '.join(given) or 'none'}"
            )
        if self.discriminator is not None and self.module is None:
            raise ValueError("target.discriminator goes with target.module")
        if self.checkpoint is not None and self.module is None:
            raise ValueError("target.checkpoint goes with target.module")
        return self


class ShadowConfig(_Part):
    """The attacker's own model, trained as the target is, on records of the attacker's."""

    recipe: Recipe | None = Field(None, description="null: the target's recipe")


class ReferencesConfig(_Part):
    """A pool of models that do and do not hold each record."""

    models: int = Field(16, ge=FEWEST_MODELS, le=MOST_MODELS, description="even")
    recipe: Recipe | None = Field(None, description="null: the target's recipe")
    records: Literal["audited", "own"] = Field(
        "audited",
        description="audited: halves of the audited records, as an auditor can; own: halves of "
        "the shadow's records, as an outsider must",
    )
    leave_one_out: bool = Field(True, description="attack every model of the pool as well")

    @field_validator("models")
    @classmethod
    def _in_pairs(cls, models: int) -> int:
        if models % 2:
            raise ValueError(f"they are drawn in complementary pairs: give {models + 1}")
        return models


class CanariesConfig(_Part):
    """Records with wrong label maps, each trained on by the toss of a coin."""

    count: int = Field(100, ge=10, description="half of them, about, are trained on")
    kind: CanaryKind = Field("shifted", description="shifted or relabelled label maps")
    abstain: float = Field(
        0.0, ge=0, lt=1, description="share not guessed; fixed before anything is scored"
    )
    delta: float = Field(0.0, ge=0, lt=1, description="of the (epsilon, delta) in question")


class PoisonConfig(_Part):
    """What somebody put into the training set, with parameters of its own."""

    name: str = Field(description="see `pixleak list poisons`")
    options: dict[str, Any] = Field(default_factory=dict)
    shadows: Literal["alike", "clean"] = Field(
        "alike",
        description="alike: the attacker made the poison and trains shadow and references on it "
        "too; clean: on none",
    )


class AttackConfig(_Part):
    """An attack with the signals that it works on, and parameters of its own."""

    name: str
    signals: tuple[str, ...] = Field((), description="names of signals or families; empty: usual")
    options: dict[str, Any] = Field(default_factory=dict)


class MethodConfig(_Part):
    """A signal, a learned signal or a difficulty, with parameters of its own."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)


class EvaluationConfig(_Part):
    """How scores are turned into rates."""

    level: float = Field(0.95, gt=0.5, lt=1, description="coverage of intervals")
    fprs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.1, 0.01, 0.001), min_length=1)
    replicates: int = Field(1000, ge=100, description="bootstrap replicates")


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
    population: Source | None = Field(
        None, description="more records that no model is trained on; goes with members"
    )
    target: TargetConfig
    attacker: Attacker = Field(
        "adaptive",
        description="adaptive: knows the target's defences, and trains and asks its own models "
        "with them; naive: with none",
    )
    shadow: ShadowConfig | None = Field(ShadowConfig(), description="null: no shadow model")
    signals: tuple[str | MethodConfig, ...] | None = Field(
        None, description="attacked by threshold; null: the usual ones"
    )
    difficulties: tuple[str | MethodConfig, ...] | None = Field(
        None, description="how hard a record is for any model; null: of generators the usual ones"
    )
    learned: tuple[str | MethodConfig, ...] | None = Field(
        None, description="learned on the shadow's outputs; null: all, of generators none"
    )
    references: ReferencesConfig | None = Field(None, description="null: no pool")
    attacks: tuple[str | AttackConfig, ...] | None = Field(
        None, description="beside the threshold on every signal; null: all that can be served"
    )
    canaries: CanariesConfig | None = Field(None, description="null: no bound on epsilon")
    poison: PoisonConfig | None = Field(None, description="null: nobody altered training records")
    evaluation: EvaluationConfig = EvaluationConfig()
    exhibits: int = Field(
        6, ge=0, le=24, description="pictures on each side, most and least exposed"
    )
    batch_size: int = Field(16, ge=1, description="records a query")
    workers: int | None = Field(None, ge=1, description="models trained at once; null: one a core")
    runner: str = Field("local", description="local, ray, or ray:ADDRESS of a cluster")

    @model_validator(mode="after")
    def _where_records_come_from(self) -> AuditConfig:
        apart = self.members is not None or self.nonmembers is not None
        if apart and (self.members is None or self.nonmembers is None):
            raise ValueError("members and nonmembers go together")
        if apart == (self.records is not None):
            raise ValueError("give either records (with split) or members and nonmembers")
        if self.shadow_records is not None and not apart:
            raise ValueError("shadow_records goes with members and nonmembers; records are split")
        if self.population is not None and not apart:
            raise ValueError(
                "population goes with members and nonmembers; of records that are split, "
                "split.population takes some"
            )
        if apart and self.shadow_records is None and self.shadow and self.shadow.recipe:
            raise ValueError("shadow.recipe needs shadow_records to train the shadow on")
        if self.records is not None and self.target.recipe is None and self.split.kind != "file":
            raise ValueError(
                "the target exists already, so its members are a fact: give split.kind: file, "
                "or members and nonmembers"
            )
        own_shadow = self.records is not None or self.shadow_records is not None
        if self.references is not None:
            if self.references.recipe is None and self.target.recipe is None:
                raise ValueError(
                    "references.recipe is missing: the target exists already, so say how its "
                    "like is trained"
                )
            if self.references.records == "own" and (self.shadow is None or not own_shadow):
                raise ValueError(
                    "references.records: own trains them on the shadow's records; give some"
                )
        if self.poison is not None and self.target.recipe is None:
            raise ValueError(
                "poison is put into a training set, so it needs a target that is trained here: "
                "give target.recipe"
            )
        drawn_here = self.records is not None and self.split.kind != "file"
        if self.canaries is not None and not (self.target.recipe and drawn_here):
            raise ValueError(
                "canaries must be included by the toss of a coin, so they need a target that is "
                "trained here, on records that are split here"
            )
        return self
