"""The saved result of an audit: the one boundary between computing and reading.

``result.json`` is this model; ``scores.parquet`` beside it holds one row a record and attack;
``exhibits.npz`` the pictures of the most and least exposed records. Reports, tables and later
comparisons read only these. Infinite numbers are written as the strings ``"Infinity"`` and
``"-Infinity"``, since JSON has none; NaN never occurs.
"""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from pixleak.errors import InputError
from pixleak.version import __version__

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA_VERSION = 1


def _not_nan(value: float) -> float:
    if value != value:
        raise ValueError("NaN is not a result: leave the field out, or say why it is missing")
    return value


Number = Annotated[
    float,
    AfterValidator(_not_nan),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["Infinity", "-Infinity"]}]}),
]


class SavedModel(BaseModel):
    """What is written as JSON: strict about unknown fields, infinite numbers as words."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings", frozen=True)


class Interval(SavedModel):
    """An estimate with its two-sided interval."""

    value: Number
    low: Number
    high: Number
    level: float = Field(default=0.95, description="coverage of the interval")
    method: str = Field(description="how the interval was made, 'bootstrap by subject', ...")


class Rate(SavedModel):
    """A share of trials with its Clopper-Pearson interval."""

    value: Number
    low: Number
    high: Number
    successes: int
    trials: int


class PositivePredictiveValue(SavedModel):
    """Share of members among the records called members, had ``prior`` of all been members."""

    prior: float = Field(description="assumed share of members among the records in question")
    value: Number
    low: Number
    high: Number


class TprAtFpr(SavedModel):
    """True positive rate at the lowest threshold that keeps the FPR at most ``fpr``."""

    fpr: float
    value: Number
    low: Number
    high: Number
    successes: int = Field(description="members above the threshold")
    trials: int = Field(description="members")
    false_positives: int
    nonmembers: int
    threshold: Number = Field(description="a record is called a member where score > threshold")
    resolvable: bool = Field(
        description="whether there are enough non-members for this rate to mean anything: "
        "fpr * nonmembers >= 1"
    )
    p_value: Number = Field(
        default=1.0, description="one-sided p-value of 'no more members found than by chance'"
    )
    ppv: list[PositivePredictiveValue] = Field(
        default_factory=list,
        description="what a record called a member at this threshold is worth, prior by prior",
    )


PointName = Literal["oracle", "shadow", "shadow-training-loss"]


class OperatingPoint(SavedModel):
    """What happens at one threshold."""

    name: PointName = Field(
        description="oracle: best balanced accuracy on the evaluated records themselves, an upper "
        "bound that no attacker has; shadow: best balanced accuracy on the shadow model's records, "
        "carried over; shadow-training-loss: the shadow's final training loss"
    )
    threshold: Number
    balanced_accuracy: Interval
    f1: Number
    tpr: Rate
    fpr: Rate


class AttackResult(SavedModel):
    """One attack over one signal, evaluated."""

    name: str = Field(description="attack, a name of pixleak list")
    signal: str = Field(description="signal, a name of pixleak list")
    title: str = Field(description="what to call it in a table")
    source: str
    access: str = Field(description="access to the target that it needs")
    needs_truth: bool
    queries: int = Field(default=1, description="that it takes about a record, at most")
    auc: Interval
    tpr_at_fpr: list[TprAtFpr]
    operating_points: list[OperatingPoint]
    members: int = Field(description="members scored")
    nonmembers: int = Field(description="non-members scored")
    not_measured: int = Field(description="records for which the signal is undefined")
    p_value: Number = Field(description="one-sided p-value of 'no better than guessing'")
    control_auc: Interval | None = Field(
        default=None, description="the same attack on a model that was never trained"
    )
    control_note: str = Field(default="", description="why there is no control, if so")


class Control(SavedModel):
    """Something that must not tell members from non-members if the audit is fair."""

    name: str
    title: str
    auc: Interval | None = Field(description="None where it could not be measured")
    passed: bool | None = Field(description="None where it could not be measured")
    explanation: str


class DuplicatePair(SavedModel):
    """Two records on different sides of the split that look alike."""

    member: str
    nonmember: str
    kind: Literal["identical", "near"]
    distance: Number = Field(description="root mean square pixel difference, image range 0..1")


class DuplicateCheck(SavedModel):
    """Records that occur, exactly or nearly, on both sides of the split."""

    pairs: list[DuplicatePair] = Field(description="the closest pairs, at most 50")
    nonmembers_affected: int
    nonmembers: int
    passed: bool
    explanation: str


class ShiftFeature(SavedModel):
    """One property of the records, compared between members and non-members."""

    feature: str
    members_mean: Number
    nonmembers_mean: Number
    statistic: Number = Field(description="two-sample Kolmogorov-Smirnov")
    p_value: Number
    p_adjusted: Number = Field(description="Holm over the features")


class ShiftCheck(SavedModel):
    """Whether members and non-members differ in plain image properties."""

    features: list[ShiftFeature]
    passed: bool
    explanation: str


class ReferencesInfo(SavedModel):
    """The pool of reference models."""

    models: int
    records: Literal["audited", "own"] = Field(
        description="audited: each unit of the audited records is in exactly half of the models; "
        "own: trained on records of the attacker's own, so that none holds an audited record"
    )
    unit: str = Field(description="what is in a model as a whole: record, subject, block")
    units: int
    runner: str = Field(description="local, ray")
    file: str = Field(default="membership.csv", description="who was trained on what")


class Fidelity(SavedModel):
    """Whether the reference models resemble the target, so that they can stand in for it."""

    loss: str = Field(description="the signal compared")
    target_train: Number | None = Field(description="mean loss on its training records")
    target_heldout: Number | None = Field(description="mean loss on held-out records")
    reference_train: list[Number] = Field(description="the same of each reference model")
    reference_heldout: list[Number]
    passed: bool | None = Field(description="None where it could not be measured")
    explanation: str


class SpreadRate(SavedModel):
    """The mean over victims of the true positive rate at one false positive rate."""

    fpr: float
    mean: Interval
    victims: list[Number] = Field(description="of each victim")
    lead: Interval | None = Field(
        default=None, description="the default attack's mean minus this one's, paired"
    )
    resolvable: bool


class Spread(SavedModel):
    """One attack over many victims."""

    name: str
    signal: str
    title: str
    auc: Interval = Field(description="mean over victims, interval over records and models")
    victims: list[Number] = Field(description="AUC of each victim")
    lead: Interval | None = Field(
        default=None, description="the default attack's mean AUC minus this one's, paired"
    )
    tpr_at_fpr: list[SpreadRate]


class LeaveOneOut(SavedModel):
    """Every reference model in turn as the victim, the others as its references."""

    victims: list[str]
    references: int = Field(description="references of each victim")
    default: str = Field(description="title of the attack that the others are compared with")
    attacks: list[Spread]
    explanation: str


class Slice(SavedModel):
    """The records of one kind."""

    kind: str = Field(description="class, object size, border length, mask")
    name: str = Field(description="which of the kind")
    members: int
    nonmembers: int
    auc: Interval | None = Field(description="None where there are too few records")
    tpr: Rate | None = Field(description="at the threshold found on all records")
    fpr: Rate | None
    p_adjusted: Number | None = Field(
        description="one-sided, of 'no more exposed than the other records', Holm over the slices"
    )


class Slices(SavedModel):
    """One attack's result by kind of record."""

    attack: str
    signal: str
    title: str
    fpr: float = Field(description="false positive rate over all records of the threshold used")
    slices: list[Slice]
    most_exposed: str | None = Field(description="None where no kind stands out")
    explanation: str


class SubjectLevel(SavedModel):
    """Attacks on subjects: one score each, from all of a subject's records."""

    members: int = Field(description="subjects that were trained on")
    nonmembers: int
    attacks: list[AttackResult] = Field(description="a record here is a subject")
    explanation: str


class ReserveLevel(SavedModel):
    """Attacks on the defender's reserve, where the target that answers was trained on it."""

    records: int = Field(description="of the reserve")
    nonmembers: int = Field(description="the target's, which they are compared with")
    attacks: list[AttackResult] = Field(description="a member here is a record of the reserve")
    explanation: str


class Epsilon(SavedModel):
    """A lower bound of the target's epsilon from one training run with canaries."""

    lower_bound: Number
    level: float = Field(description="confidence that epsilon is at least that")
    delta: float
    canaries: int
    included: int = Field(description="canaries that were trained on")
    kind: str = Field(description="how canaries were made")
    guesses: int = Field(description="canaries not abstained on, fixed beforehand")
    correct: int
    ceiling: Number = Field(description="the bound had every guess been right")
    attack: str
    signal: str
    explanation: str


class PoisonVisibility(SavedModel):
    """How far poisoned records differ from what they were: means over records."""

    pixels_changed: Number = Field(description="share of the image's pixels")
    mean_change: Number = Field(description="mean absolute change of the image, range 1")
    psnr: Number = Field(description="in decibel; infinite where images stay as they are")
    ssim_error: Number = Field(description="one minus the structural similarity")
    labels_changed: Number = Field(description="share of the label map's pixels")


class PoisonInfo(SavedModel):
    """What was put into the training set, and whether the model does as it wants."""

    name: str = Field(description="a name of pixleak list")
    description: str
    records: int = Field(description="records that were poisoned")
    copies: int = Field(description="poisoned copies that the target is trained on")
    extra: int = Field(description="of these, copies that took no training record's place")
    share: Number = Field(description="of the target's training set")
    shadows: Literal["alike", "clean"] = Field(
        description="whether the attacker's models are trained on the poison too"
    )
    effect: Number | None = Field(
        description="how far the model does as the poison wants on held-out records, 0 to 1: the "
        "share of the predicted foreground that a trigger takes away, or of the exchanged pixels "
        "that are predicted as the copies have them"
    )
    backdoor: Rate | None = Field(
        description="held-out records on which it does: an effect of at least 0.9 of a trigger, "
        "0.5 of exchanged pixels"
    )
    control: Rate | None = Field(description="the same where there is no poison to obey")
    control_of: str = Field(description="what the control was measured on")
    took: bool | None = Field(description="None where it cannot be told")
    visibility: PoisonVisibility
    explanation: str


class Verdict(SavedModel):
    """The answer, by the written rule in pixleak.evaluation.verdict."""

    answer: Literal["leak", "none-found", "cannot-tell"]
    sentence: str = Field(description="the answer in one plain sentence")
    reasons: list[str]
    evidence: list[str] = Field(description="attacks that found a leak and passed their control")
    detectable_auc: Number = Field(
        description="the smallest AUC that this many records would show with power 0.8"
    )
    level: float = Field(description="family-wise level of the tests")


class RecordsInfo(SavedModel):
    """The records that the audit asked about."""

    name: str
    count: int
    image_shape: list[int] = Field(description="c, h, w")
    truth: dict[str, Any]
    digest: str = Field(description="SHA-256 over the prepared records")


class SplitInfo(SavedModel):
    """Who was trained on what; the ids lie in split.csv."""

    kind: str
    seed: int | None
    unit: str = Field(description="what was kept together: record, subject, group, block")
    counts: dict[str, int]
    file: str = "split.csv"


class Utility(SavedModel):
    """What a model is good for: one figure with its interval by subject or record."""

    name: Literal["dice", "miou", "ssim", "l1"] = Field(
        description="dice: of predicted labels, mean over records; miou: intersection over union "
        "from pixels counted over all records, mean over classes; ssim, l1: of generators, mean "
        "over records"
    )
    members: Interval | None = Field(description="on its training records; None: not measured")
    heldout: Interval | None = Field(description="on held-out records; None: not measured")
    members_units: int = Field(description="subjects, or records, behind the figure")
    heldout_units: int


class ModelInfo(SavedModel):
    """A model that took part."""

    name: str = Field(description="target, shadow-0, untrained, ...")
    description: str
    recipe: dict[str, Any] | None = None
    seed: int | None = None
    defences: list[str] = Field(
        default_factory=list, description="what it is trained and asked with"
    )
    facts: dict[str, Number | str] = Field(
        default_factory=dict, description="what defences say of its training: epsilon, ..."
    )
    seconds: Number | None = Field(default=None, description="training time")
    epoch_losses: list[Number] = Field(default_factory=list)
    weights: str | None = Field(default=None, description="file, from the run folder")
    inference_seconds: Number | None = Field(
        default=None, description="time a record inside the model, defences of the answer included"
    )
    utility: list[Utility] = Field(
        default_factory=list, description="with intervals, where it could be measured"
    )
    members_dice: Number | None = Field(
        default=None, description="mean Dice on its training records"
    )
    nonmembers_dice: Number | None = Field(
        default=None, description="mean Dice on held-out records"
    )
    members_error: Number | None = Field(
        default=None, description="mean absolute error of a generator on its training records"
    )
    nonmembers_error: Number | None = Field(
        default=None, description="mean absolute error of a generator on held-out records"
    )
    members_ssim: Number | None = Field(
        default=None, description="mean SSIM of a generator on its training records"
    )
    nonmembers_ssim: Number | None = Field(
        default=None, description="mean SSIM of a generator on held-out records"
    )


class DefenceInfo(SavedModel):
    """One defence of the target."""

    name: str = Field(description="a name of pixleak list")
    title: str
    description: str = Field(description="name and parameters")
    side: Literal["training", "output"]
    source: str


class DefencesInfo(SavedModel):
    """The target's defences, in the order they are stacked."""

    defences: list[DefenceInfo]
    attacker: Literal["adaptive", "naive"] = Field(
        description="adaptive: the attacker's models are trained and asked with the defences"
    )
    facts: dict[str, Number | str] = Field(description="of the target's training: epsilon, ...")
    explanation: str


class Exposure(SavedModel):
    """One record on show."""

    id: str
    subject: str | None
    member: bool
    side: Literal["most", "least"]
    rank: int = Field(description="1 is the most exposed (or the least, on that side)")
    score: Number
    exhibit: int = Field(description="index of its pictures in exhibits.npz")


class Exposures(SavedModel):
    """The members that the strongest attack is surest and least sure of."""

    attack: str
    signal: str
    file: str = "exhibits.npz"
    records: list[Exposure]


class Environment(SavedModel):
    """Where it ran."""

    pixleak: str
    python: str
    platform: str
    versions: dict[str, str]
    device: str
    threads: int


def environment_here(*packages: str, device: str = "cpu") -> Environment:
    """Where this process runs, and the versions of those packages that are installed."""
    versions = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return Environment(
        pixleak=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        versions=versions,
        device=device,
        threads=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
    )


class Result(SavedModel):
    """Everything an audit found out.

    ``verdict.answer`` is ``"leak"``, ``"none-found"`` or ``"cannot-tell"``, and
    ``verdict.sentence`` says it in words. ``attacks`` holds one :class:`AttackResult` an attack
    (``attacks[0].auc.value``, ``.low``, ``.high``), ``controls`` what must find nothing. ``print``
    shows all of it as a table.
    """

    schema_version: int = SCHEMA_VERSION
    title: str
    created: str = Field(description="ISO 8601, UTC")
    seconds: Number
    timings: dict[str, Number] = Field(
        default_factory=dict, description="seconds of its phases, apart: inference, attacks, ..."
    )
    arguments: dict[str, Any] = Field(description="the configuration as it ran")
    seeds: dict[str, int]
    environment: Environment
    records: RecordsInfo | None = None
    split: SplitInfo | None = None
    models: list[ModelInfo] = Field(default_factory=list)
    defences: DefencesInfo | None = None
    attacks: list[AttackResult]
    default_attack: int = Field(
        default=0,
        ge=0,
        description="position of the attack that speaks for the audit, fixed beforehand",
    )
    controls: list[Control] = Field(default_factory=list)
    duplicates: DuplicateCheck | None = None
    shift: ShiftCheck | None = None
    exposures: Exposures | None = None
    references: ReferencesInfo | None = None
    fidelity: Fidelity | None = None
    leave_one_out: LeaveOneOut | None = None
    slices: Slices | None = None
    subjects: SubjectLevel | None = None
    reserve: ReserveLevel | None = None
    epsilon: Epsilon | None = None
    poison: PoisonInfo | None = None
    verdict: Verdict
    warnings: list[str] = Field(default_factory=list)

    def __rich__(self) -> RenderableType:
        from pixleak.table import result_table

        return result_table(self)

    def __str__(self) -> str:
        from pixleak.table import result_text

        return result_text(self)

    def to_json(self) -> str:
        """The text of ``result.json``."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Result:
        """Load ``result.json`` from a run folder.

        Raises:
            InputError: it is missing, not JSON, or of another schema version.
        """
        path = folder / "result.json"
        if not path.is_file():
            raise InputError(f"{folder} holds no result.json; give the folder of a finished run")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not valid JSON: {error}") from error
        version = content.get("schema_version") if isinstance(content, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{path} has schema version {version}, this pixleak reads {SCHEMA_VERSION}; "
                "run the audit again"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"{path}: {where}: {first['msg']}") from error


def result_schema() -> dict[str, Any]:
    """The JSON Schema of ``result.json``; ``result.schema.json`` beside this file is its text."""
    schema = Result.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
