"""Conditions of a study: cells that differ in their seed only, and what attacks find in them.

**The strongest attack.** The largest of many noisy figures is biased upwards. So the attack is
chosen on all other seeds and evaluated on the seed left out, for each seed in turn; no figure in
the mean took part in its own choice. With one seed the choice can only be made on the figures
themselves: the largest is taken and marked as such. It overstates the attack, which is the safe
side for somebody who relies on a defence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pixleak.studies.summary.seed_estimates import Estimate, PerSeed, mean_over_seeds
from pixleak.studies.summary.study_folder import CellAttack, Study
from pixleak.studies.summary.study_result import NONE, levels_in_words

AttackId = tuple[str, str]
"""Name of an attack and of its signal."""

Levels = tuple[tuple[str, str], ...]
"""Axes with the label of their level."""

Wanted = Callable[[CellAttack], bool]
"""Picks an attack from the rows of a cell."""


@dataclass(frozen=True)
class AttackOverSeeds:
    """One figure of an attack, or of the strongest of several, by seed.

    Args:
        per_seed: the figure; empty if it was not measured.
        titles: of the attacks that were read off, without repetition.
        same_figures: whether the attack was chosen on the figures that are read off.
    """

    per_seed: PerSeed
    titles: tuple[str, ...]
    same_figures: bool = False

    @property
    def estimate(self) -> Estimate | None:
        """Over all seeds; None if it was not measured."""
        return mean_over_seeds(self.per_seed)


@dataclass(frozen=True)
class Condition:
    """Cells that differ in their seed only.

    Args:
        levels: axis -> label, without the seed.
        cells: label of a seed -> the rows of that cell.
    """

    levels: Mapping[str, str]
    cells: Mapping[str, tuple[CellAttack, ...]]

    @property
    def first(self) -> CellAttack:
        """Any row, for what all rows have in common."""
        return next(iter(self.cells.values()))[0]

    @property
    def defence(self) -> str:
        """Label of its defence; ``"none"`` without."""
        return self.first.defence

    @property
    def undefended(self) -> bool:
        """Whether the model is trained and served without a defence."""
        return self.first.defence_names == "" and self.defence == NONE

    def without(self, *axes: str) -> Levels:
        """Its levels on all other axes."""
        return tuple((axis, level) for axis, level in self.levels.items() if axis not in axes)

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """Seeds at which the audit answered *cannot tell*."""
        return tuple(seed for seed, rows in self.cells.items() if rows[0].verdict == "cannot-tell")

    def conclusive_part(self) -> Condition | None:
        """The condition without its inconclusive cells; None if nothing is left."""
        cells = {seed: rows for seed, rows in self.cells.items() if seed not in self.inconclusive}
        return replace(self, cells=cells) if cells else None

    def of_model(self, name: str) -> PerSeed:
        """A figure of the model, the same in all rows of a cell: its utility, its cost."""
        return {
            seed: found[0]
            for seed, rows in self.cells.items()
            if (found := [one for row in rows if (one := row.figure(name)) is not None])
        }

    def mean(self, name: str) -> float | None:
        """The mean over seeds of a figure of the model."""
        found = [one.value for one in self.of_model(name).values()]
        return float(np.mean(found)) if found else None

    def picked(self, wanted: Wanted) -> dict[str, CellAttack]:
        """Seed -> the first row that is wanted, where there is one."""
        firsts = {seed: next(filter(wanted, rows), None) for seed, rows in self.cells.items()}
        return {seed: row for seed, row in firsts.items() if row is not None}

    def attack(self, figure: str, wanted: Wanted) -> AttackOverSeeds:
        """The first attack of each cell that is wanted."""
        rows = self.picked(wanted)
        found = {s: one for s, row in rows.items() if (one := row.figure(figure)) is not None}
        return AttackOverSeeds(found, tuple(dict.fromkeys(rows[seed].title for seed in found)))

    def default(self, figure: str = "auc") -> AttackOverSeeds:
        """The audit's default attack, which is fixed beforehand."""
        return self.attack(figure, lambda row: bool(row.default))

    def strongest(self, figure: str = "auc") -> AttackOverSeeds:
        """The strongest attack, chosen on the other seeds."""
        found: dict[str, dict[AttackId, Estimate]] = {}
        titles: dict[tuple[str, AttackId], str] = {}
        for seed, rows in self.cells.items():
            for row in rows:
                if (one := row.figure(figure)) is not None:
                    attack = row.attack, row.signal
                    found.setdefault(seed, {})[attack] = one
                    titles[seed, attack] = row.title
        chosen = {seed: _strongest_elsewhere(seed, found) for seed in found}
        best = {seed: attack or _largest(found[seed]) for seed, attack in chosen.items()}
        return AttackOverSeeds(
            per_seed={seed: found[seed][attack] for seed, attack in best.items()},
            titles=tuple(dict.fromkeys(titles[place] for place in best.items())),
            same_figures=None in chosen.values(),
        )


def _strongest_elsewhere(
    seed: str, found: Mapping[str, Mapping[AttackId, Estimate]]
) -> AttackId | None:
    """The attack of a seed with the largest mean over the other seeds; None if none has one."""
    others = [figures for other, figures in found.items() if other != seed]
    elsewhere = {a: [figures[a].value for figures in others if a in figures] for a in found[seed]}
    means = {a: Estimate(float(np.mean(each))) for a, each in elsewhere.items() if each}
    return _largest(means) if means else None


def _largest(figures: Mapping[AttackId, Estimate]) -> AttackId:
    return max(figures, key=lambda attack: (figures[attack].value, attack))


def find_conditions(study: Study) -> list[Condition]:
    """All conditions of a study, in the order of the axes' levels."""
    gathered: dict[Levels, dict[str, list[CellAttack]]] = {}
    for row in study.rows:
        levels = {axis: level for axis, level in row.levels.items() if axis != "seed"}
        # Defences that vary along an axis of another name are conditions of their own already.
        levels.setdefault("defence", row.defence)
        seed = row.levels.get("seed", str(row.numbers.get("seed")))
        gathered.setdefault(tuple(levels.items()), {}).setdefault(seed, []).append(row)
    conditions = [
        Condition(dict(levels), {seed: tuple(rows) for seed, rows in sorted(cells.items())})
        for levels, cells in gathered.items()
    ]
    return sorted(
        conditions,
        key=lambda one: [
            study.position(axis, one.levels[axis]) for axis in study.axes if axis in one.levels
        ],
    )


def by_setting(conditions: Sequence[Condition]) -> list[list[Condition]]:
    """Conditions that differ in their defence only, together."""
    groups: dict[Levels, list[Condition]] = {}
    for condition in conditions:
        groups.setdefault(condition.without("defence"), []).append(condition)
    return list(groups.values())


def varied_levels(study: Study, condition: Condition, *, without: Sequence[str]) -> str:
    """The levels of the axes that vary, except some, in words."""
    axes = [axis for axis in study.row_axes if axis in study.varied and axis not in without]
    return levels_in_words({axis: condition.levels.get(axis, "") for axis in axes})
