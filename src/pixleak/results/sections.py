"""What the analyses of an audit found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

if TYPE_CHECKING:
    pass
from pixleak.results.attacks import AttackResult
from pixleak.results.base import Interval, Number, Rate, SavedModel


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
