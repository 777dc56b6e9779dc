"""What privacy costs: the strongest attack that is left against the utility that is left.

A defence **dominates** another if it is at least as good in utility and in privacy and better in
one of them. *Dominated* is said only where, over three or more seeds, the interval of the
difference (module ``seeds``) excludes zero in one of the two, and the means agree in
the other; *probably dominated* where only the means say so. The frontier is what no other's means
dominate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pixleak.studies.summary.conditions import Condition, Strength
from pixleak.studies.summary.seeds import DIFFERENCE, Estimate, PerSeed, difference, joined

Status = Literal["frontier", "dominated", "probably dominated"]


@dataclass(frozen=True)
class Utility:
    """A measure of what a model is worth to its users, on records it was not trained on.

    Args:
        column: where it stands.
        word: what it is called.
        bounds: that it lies between.
        loss: whether less is better.
    """

    column: str
    word: str
    bounds: tuple[float, float] = (0.0, 1.0)
    loss: bool = False

    @property
    def span(self) -> tuple[float, float]:
        """What a difference of two lies between."""
        return (self.bounds[0] - self.bounds[1], self.bounds[1] - self.bounds[0])


MEASURES = {
    "dice": Utility("utility_heldout", "Dice"),
    "ssim": Utility("utility_heldout", "SSIM", (-1.0, 1.0)),
    "miou": Utility("miou_heldout", "mIoU"),
    "l1": Utility("l1_heldout", "L1 error", loss=True),
}


def utilities(found: Sequence[Condition]) -> list[Utility]:
    """The measures that these conditions have, the one that decides first."""
    named = next((c.first.utility for c in found if c.first.utility), "dice")
    order = [named, *(name for name in ("miou", "l1") if name != named)]
    known = [MEASURES.get(name, Utility("utility_heldout", name)) for name in order]
    return [one for one in known if any(c.of_model(one.column) for c in found)]


@dataclass(frozen=True)
class Candidate:
    """A defence, what it leaves of both, and where that puts it among the others.

    Args:
        condition: its cells.
        measured: utility on held-out records, by seed.
        strongest: of the attacks on it.
        measure: which utility.
        status: whether it is on the frontier.
        by: the defence that dominates it.
    """

    condition: Condition
    measured: PerSeed
    strongest: Strength
    measure: Utility
    status: Status = "frontier"
    by: str = ""

    @property
    def label(self) -> str:
        """What the defence is called."""
        return "no defence" if self.undefended else self.condition.defence

    @property
    def undefended(self) -> bool:
        """Whether this is the model as it is."""
        return self.condition.undefended

    @property
    def utility(self) -> Estimate:
        """Over all seeds."""
        whole = joined(self.measured, self.measure.bounds)
        assert whole is not None, "a candidate without utility"
        return whole

    @property
    def attack(self) -> Estimate:
        """Over all seeds."""
        return self.strongest.estimate

    def gains(self, other: Candidate) -> Estimate:
        """By how much it is of more use than another; negative where it is of less."""
        first, second = (other, self) if self.measure.loss else (self, other)
        found = difference(first.measured, second.measured, self.measure.span)
        assert found is not None, "a candidate without utility"
        return found

    def exposes(self, other: Candidate) -> Estimate:
        """By how much the attack on it is stronger than that on another."""
        found = difference(self.strongest.found, other.strongest.found, DIFFERENCE)
        assert found is not None, "a candidate without an attack"
        return found


def candidates(
    found: Sequence[Condition], measure: Utility, strength: str = "auc"
) -> list[Candidate]:
    """The conditions that have both figures, each with its status.

    Args:
        found: conditions that differ in their defence only.
        measure: of utility.
        strength: of attacks: ``"auc"`` or ``"tpr1"``.
    """
    all_of_them = []
    for condition in found:
        strongest, measured = condition.strongest(strength), condition.of_model(measure.column)
        if strongest is not None and measured:
            all_of_them.append(Candidate(condition, measured, strongest, measure))
    return [_placed(one, all_of_them) for one in all_of_them]


def _placed(one: Candidate, among: Sequence[Candidate]) -> Candidate:
    maybe: Candidate | None = None
    for other in among:
        answer = dominates(other, one) if other is not one else "no"
        if answer == "surely":
            return replace(one, status="dominated", by=other.label)
        if answer == "probably" and maybe is None:
            maybe = other
    return one if maybe is None else replace(one, status="probably dominated", by=maybe.label)


def dominates(one: Candidate, other: Candidate) -> Literal["no", "probably", "surely"]:
    """Whether the first leaves no reason to choose the second."""
    gain, exposure = one.gains(other), one.exposes(other)
    if gain.value < 0 or exposure.value > 0 or (gain.value == 0 and exposure.value == 0):
        return "no"
    beyond = gain.above(0) or exposure.below(0)
    enough = not (gain.provisional or exposure.provisional)
    return "surely" if beyond and enough else "probably"
