"""The trade-off between privacy and utility: the strongest attack against the utility that is left.

A defence **dominates** another if it is at least as good in utility and in privacy and better in
one of them. It is called *dominated* only where, over three or more seeds, the interval of the
difference (module ``seed_estimates``) excludes zero in one of the two and the means agree in the
other, and *probably dominated* where only the means say so. The frontier consists of the defences
that no other dominates by its means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pixleak.studies.summary.conditions import AttackOverSeeds, Condition
from pixleak.studies.summary.seed_estimates import (
    DIFFERENCE,
    SHARE,
    Ends,
    Estimate,
    PerSeed,
    difference,
    mean_over_seeds,
)

AttackFigure = Literal["auc", "tpr1"]
Status = Literal["frontier", "dominated", "probably dominated"]


@dataclass(frozen=True)
class UtilityMeasure:
    """A measure of utility on held-out records.

    Args:
        column: of ``study.parquet``.
        word: its name on the page.
        bounds: lowest and highest value.
        loss: whether less is better.
    """

    column: str
    word: str
    bounds: Ends = SHARE
    loss: bool = False

    @property
    def span(self) -> Ends:
        """Lowest and highest difference of two values."""
        return (self.bounds[0] - self.bounds[1], self.bounds[1] - self.bounds[0])

    def gained(self, first: Condition, second: Condition) -> Estimate | None:
        """How much more useful the first is than the second; None where one has no figure."""
        if self.loss:
            first, second = second, first
        return difference(first.of_model(self.column), second.of_model(self.column), self.span)


MEASURES = {
    "dice": UtilityMeasure("utility_heldout", "Dice"),
    "ssim": UtilityMeasure("utility_heldout", "SSIM", (-1.0, 1.0)),
    "miou": UtilityMeasure("miou_heldout", "mIoU"),
    "l1": UtilityMeasure("l1_heldout", "L1 error", loss=True),
}


def utility_measures(conditions: Sequence[Condition]) -> list[UtilityMeasure]:
    """The measures that these conditions have, the one that decides first."""
    main = next((one.first.utility for one in conditions if one.first.utility), "dice")
    names = dict.fromkeys([main, "miou", "l1"])
    known = [MEASURES.get(name, UtilityMeasure("utility_heldout", name)) for name in names]
    return [one for one in known if any(c.of_model(one.column) for c in conditions)]


@dataclass(frozen=True)
class Candidate:
    """A defence with its utility and its strongest attack, placed among the others.

    Args:
        utility_per_seed: on held-out records.
        dominated_by: label of the defence that dominates it.
    """

    condition: Condition
    utility_per_seed: PerSeed
    strongest: AttackOverSeeds
    measure: UtilityMeasure
    status: Status = "frontier"
    dominated_by: str = ""

    @property
    def label(self) -> str:
        """Name of the defence."""
        return "no defence" if self.undefended else self.condition.defence

    @property
    def undefended(self) -> bool:
        """Whether this is the undefended model."""
        return self.condition.undefended

    @property
    def utility(self) -> Estimate:
        """Over all seeds."""
        return _known(mean_over_seeds(self.utility_per_seed, self.measure.bounds))

    @property
    def attack(self) -> Estimate:
        """Over all seeds."""
        return _known(self.strongest.estimate)

    def utility_gain(self, other: Candidate) -> Estimate:
        """How much more useful it is than another; negative where it is less useful."""
        return _known(self.measure.gained(self.condition, other.condition))

    def attack_gain(self, other: Candidate) -> Estimate:
        """How much stronger the attack on it is than that on another."""
        return _known(difference(self.strongest.per_seed, other.strongest.per_seed, DIFFERENCE))


def _known(estimate: Estimate | None) -> Estimate:
    assert estimate is not None, "a candidate without a figure"
    return estimate


def find_candidates(
    conditions: Sequence[Condition], measure: UtilityMeasure, figure: AttackFigure = "auc"
) -> list[Candidate]:
    """The conditions that have both figures, each with its status; they differ in their defence."""
    found = []
    for condition in conditions:
        strongest, utility = condition.strongest(figure), condition.of_model(measure.column)
        if strongest.per_seed and utility:
            found.append(Candidate(condition, utility, strongest, measure))
    return [_placed(one, found) for one in found]


def _placed(one: Candidate, among: Sequence[Candidate]) -> Candidate:
    better = {other.label: dominates(other, one) for other in among if other is not one}
    for label, answer in better.items():
        if answer == "surely":
            return replace(one, status="dominated", dominated_by=label)
    for label, answer in better.items():
        if answer == "probably":
            return replace(one, status="probably dominated", dominated_by=label)
    return one


def dominates(one: Candidate, other: Candidate) -> Literal["no", "probably", "surely"]:
    """Whether the first leaves no reason to choose the second."""
    utility, attack = one.utility_gain(other), one.attack_gain(other)
    if utility.value < 0 or attack.value > 0 or (utility.value == 0 and attack.value == 0):
        return "no"
    shown = utility.above(0) or attack.below(0)
    enough = not (utility.provisional or attack.provisional)
    return "surely" if shown and enough else "probably"
