"""Defences that were compared in one setting of the other axes: the answer, figures and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pixleak.results.numbers import PERCENT
from pixleak.studies.output.cost_table import cost_table
from pixleak.studies.output.drawing import Drawing, slug
from pixleak.studies.output.frontier_figure import frontier_figure
from pixleak.studies.output.text_tables import Table
from pixleak.studies.summary.conditions import Condition, by_setting, varied_levels
from pixleak.studies.summary.decision import Decision, choose_defence, fewest_seeds
from pixleak.studies.summary.frontier import (
    AttackFigure,
    Candidate,
    find_candidates,
    utility_measures,
)
from pixleak.studies.summary.seed_estimates import ENOUGH_SEEDS
from pixleak.studies.summary.study_folder import Study
from pixleak.studies.summary.study_result import NONE

_LOOKS = {
    "holds": ("none-found", "A choice"),
    "may": ("cannot-tell", "Cannot tell"),
    "trade": ("cannot-tell", "A trade"),
    "nothing helps": ("leak", "Nothing helps"),
    "no comparison": ("cannot-tell", "Nothing to choose"),
}
"""Branch of the rule -> tone of the report, and a word."""

_FIGURES: dict[AttackFigure, tuple[str, str]] = {
    "auc": ("", "AUC"),
    "tpr1": ("tpr", f"TPR at 1{PERCENT} FPR"),
}
"""Figure of the attacks -> its part in the name of a drawing, and in its title."""


@dataclass(frozen=True)
class DefenceComparison:
    """Defences that were compared in one setting.

    Args:
        label: of the setting, if there are several.
        decision: which to ship.
        candidates: by AUC and the first measure of utility.
        figures: the frontier by the first measure of utility.
        more_figures: the frontier by other measures.
        costs: None without candidates.
    """

    label: str
    decision: Decision
    candidates: Sequence[Candidate] = ()
    figures: Sequence[Drawing] = ()
    more_figures: Sequence[Drawing] = ()
    costs: Table | None = None

    @property
    def shown_costs(self) -> Table | None:
        """The table of costs, if there is more than one defence."""
        return self.costs if len(self.candidates) > 1 else None

    @property
    def tone(self) -> str:
        """The class of its verdict."""
        return _LOOKS[self.decision.branch][0]

    @property
    def word(self) -> str:
        """Short name of the answer."""
        return _LOOKS[self.decision.branch][1]


def compare_defences(
    study: Study, conditions: Sequence[Condition], acceptable: float
) -> list[DefenceComparison]:
    """Every setting in which defences were compared; one that says so where there is none.

    Attackers who do not know the defence and poisoned models are left out: neither shows how good a
    defence is.
    """
    groups = [
        group
        for group in by_setting(conditions)
        if group[0].first.attacker != "naive" and group[0].first.poison == NONE
    ]
    found = []
    for group in groups:
        setting = varied_levels(study, group[0], without=("defence", "poison"))
        found.append(_compare(group, acceptable, setting if len(groups) > 1 else ""))
    # Settings with one model say nothing about defences; they are in the tables.
    compared = [one for one in found if one.decision.branch != "no comparison"]
    return compared or (found if len(found) < 2 else [_none_compared(found)])


def _none_compared(found: Sequence[DefenceComparison]) -> DefenceComparison:
    """In place of many settings with nothing to compare."""
    models = [one for each in found for one in each.candidates]
    sentence = "No defences were compared."
    if models:
        low, high = (pick(models, key=lambda one: one.attack.value) for pick in (min, max))
        sentence = (
            f"No defences were compared; over {len(models)} conditions the strongest attack tried "
            f"reaches AUC between {low.attack} and {high.attack}."
        )
    provisional = fewest_seeds(models) < ENOUGH_SEEDS
    return DefenceComparison("", Decision("no comparison", (), sentence, provisional=provisional))


def _compare(group: Sequence[Condition], acceptable: float, label: str) -> DefenceComparison:
    left_out = [f"{one.defence}, seed {seed}" for one in group for seed in one.inconclusive]
    group = [rest for one in group if (rest := one.conclusive_part()) is not None]
    measures = utility_measures(group)
    if not measures:
        sentence = "No utility was measured, so the costs of the defences are unknown."
        if not group:
            sentence = "No audit could tell whether its attacks detected membership."
        return DefenceComparison(label, Decision("no comparison", (), sentence))
    figures: list[Drawing] = []
    more_figures: list[Drawing] = []
    for measure in measures:
        for figure, (part, told) in _FIGURES.items():
            candidates = find_candidates(group, measure, figure)
            if len(candidates) > 1:
                first = measure is measures[0]
                word = "" if first else measure.word.split()[0]
                drawing = frontier_figure(
                    candidates,
                    figure,
                    name=slug("frontier", word, part, label),
                    title=f"{told} of the strongest attack against {measure.word}",
                    acceptable=acceptable,
                )
                (figures if first else more_figures).append(drawing)
    candidates = find_candidates(group, measures[0])
    decision = choose_defence(candidates, acceptable, left_out)
    caption = f"What each defence costs and leaves{': ' + label if label else ''}"
    costs = cost_table(candidates, slug("costs", label), caption) if candidates else None
    return DefenceComparison(label, decision, candidates, figures, more_figures, costs)
