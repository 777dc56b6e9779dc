"""Sections of the result: what each analysis found.

A section is one model, kept in the result under the name of its analysis. The models that
:mod:`pixleak.evaluation` makes are here; the others stand beside their analysis in
:mod:`pixleak.analyses`. Packages that bring an analysis of their own bring its section too.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from pixleak.results.base import Interval, Number, Rate, SavedModel


class Section(SavedModel):
    """What one analysis found; subclasses are strict about unknown fields.

    Attributes:
        name: of its analysis, kebab-case.
    """

    name: ClassVar[str]


class SavedSection(Section, extra="allow"):
    """A section as it was read from a file, before the model of its analysis has checked it."""


class Fidelity(SavedModel):
    """Whether the reference models resemble the target, so that they can stand in for it."""

    loss: str = Field(description="the signal compared")
    target_train: Number | None = Field(description="mean loss on its training records")
    target_heldout: Number | None = Field(description="mean loss on held-out records")
    reference_train: list[Number] = Field(
        description="of each reference model, its mean loss on its training records"
    )
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


class LeaveOneOut(Section):
    """Every reference model in turn as the victim, the others as its references."""

    name = "leave-one-out"

    victims: list[str]
    references: int = Field(description="references of each victim")
    default: str = Field(description="title of the attack that the others are compared with")
    attacks: list[Spread]
    explanation: str


class SubgroupResult(SavedModel):
    """The records of one kind."""

    kind: str = Field(description="class, object size, border length, mask")
    name: str = Field(description="which of the kind")
    members: int
    nonmembers: int
    auc: Interval | None = Field(description="None where there are too few records")
    tpr: Rate | None = Field(description="at the threshold found on all records")
    fpr: Rate | None
    p_adjusted: Number | None = Field(
        description="one-sided, of 'no more exposed than the other records', Holm over the "
        "subgroups"
    )


class Subgroups(Section):
    """One attack's result by kind of record."""

    name = "subgroups"

    attack: str
    signal: str
    title: str
    fpr: float = Field(description="false positive rate over all records of the threshold used")
    subgroups: list[SubgroupResult]
    most_exposed: str | None = Field(description="None where no kind stands out")
    explanation: str


class GaussianEpsilon(SavedModel):
    """The tighter bound for a mechanism whose trade-off is Gaussian."""

    mu: Number = Field(description="lower bound of mu, at the same confidence")
    lower_bound: Number | None = Field(
        description="epsilon of that mu at the delta in question; None at delta 0, where a "
        "Gaussian mechanism has no epsilon"
    )
    ceiling: Number | None = Field(description="the bound had every guess been right")
    explanation: str


class Epsilon(Section):
    """A lower bound of the target's epsilon from one training run with canaries."""

    name = "canaries"

    lower_bound: Number
    level: float = Field(description="confidence that epsilon is at least that")
    delta: float
    canaries: int
    included: int = Field(description="canaries that were trained on")
    kind: str = Field(description="how canaries were made")
    guesses: int = Field(description="canaries not abstained on, fixed beforehand")
    correct: int
    ceiling: Number = Field(description="the bound had every guess been right")
    gaussian: GaussianEpsilon | None = Field(
        default=None, description="the same for Gaussian trade-offs; None in earlier results"
    )
    attack: str
    signal: str
    explanation: str
