"""Conditions of a study: cells that differ in their seed only, and what their attacks reach.

**The strongest attack.** The largest of many noisy figures is too large. So the attack is chosen
on all other seeds and read off at the seed that was left out, for each seed in turn; what is
averaged then was chosen by none of the figures that go into it. With one seed there is nothing to
choose on: the largest is taken, and marked as chosen in hindsight. It overstates the attack, which
for whoever relies on a defence is the safe side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pixleak.studies.summary.rows import NONE, Row, Study
from pixleak.studies.summary.seeds import Estimate, Measured, PerSeed, joined

Key = tuple[str, str]
"""An attack and its signal."""


@dataclass(frozen=True)
class Strength:
    """How far attackers get.

    Args:
        found: by seed.
        titles: of the attacks that were read off, without repetition.
        among: how many attacks they were chosen from.
        hindsight: whether the choice was made on the figure itself.
    """

    found: PerSeed
    titles: tuple[str, ...]
    among: int
    hindsight: bool = False

    @property
    def estimate(self) -> Estimate:
        """Over all seeds."""
        whole = joined(self.found)
        assert whole is not None, "an attack without a figure"
        return whole


@dataclass(frozen=True)
class Condition:
    """Cells that differ in their seed only.

    Args:
        levels: of all axes but the seed.
        cells: label of a seed -> the rows of that cell.
    """

    levels: Mapping[str, str]
    cells: Mapping[str, tuple[Row, ...]]

    @property
    def first(self) -> Row:
        """A row to read from what all rows have in common."""
        return next(iter(self.cells.values()))[0]

    @property
    def defence(self) -> str:
        """What its defence is called; ``"none"`` without."""
        return self.first.defence

    @property
    def undefended(self) -> bool:
        """Whether it is trained and served as it is."""
        return self.first.defence_names == "" and self.defence == NONE

    @property
    def setting(self) -> tuple[tuple[str, str], ...]:
        """Its levels but that of the defence: what defences are compared within."""
        return tuple((axis, level) for axis, level in self.levels.items() if axis != "defence")

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Seeds at which the audit could not tell whether anything found lies in the model."""
        return tuple(seed for seed, rows in self.cells.items() if rows[0].verdict == "cannot-tell")

    def judged(self) -> Condition | None:
        """The same without doubtful cells; None where all are."""
        doubtful = self.doubtful
        cells = {seed: rows for seed, rows in self.cells.items() if seed not in doubtful}
        return replace(self, cells=cells) if cells else None

    def of_model(self, name: str) -> PerSeed:
        """A figure that all attacks on a model share: its utility, what it cost."""
        found = {}
        for seed, rows in self.cells.items():
            if (value := next(_measured(rows, name), None)) is not None:
                found[seed] = value
        return found

    def number(self, name: str) -> float | None:
        """The mean over seeds of a figure of the model without an interval."""
        found = [one.value for one in self.of_model(name).values()]
        return float(np.mean(found)) if found else None

    def default(self, measure: str = "auc") -> Strength | None:
        """The attack that speaks for the audit, fixed beforehand."""
        return self.attacked(measure, lambda row: bool(row.default))

    def attacked(self, measure: str, wanted: Callable[[Row], bool]) -> Strength | None:
        """The first attack of each cell that is wanted."""
        rows = {
            seed: row
            for seed, all_rows in self.cells.items()
            if (row := next(filter(wanted, all_rows), None)) is not None
        }
        found = {
            s: value for s, row in rows.items() if (value := row.measured(measure)) is not None
        }
        if not found:
            return None
        return Strength(found, tuple(dict.fromkeys(rows[seed].title for seed in found)), among=1)

    def strongest(self, measure: str = "auc") -> Strength | None:
        """The strongest attack, chosen on the other seeds."""
        by_seed: dict[str, dict[Key, tuple[Measured, str]]] = {}
        for seed, rows in self.cells.items():
            figures = {
                (row.attack, row.signal): (value, row.title)
                for row in rows
                if (value := row.measured(measure)) is not None
            }
            if figures:
                by_seed[seed] = figures
        if not by_seed:
            return None
        chosen = {seed: _chosen(seed, by_seed) for seed in by_seed}
        return Strength(
            found={seed: by_seed[seed][key][0] for seed, (key, _) in chosen.items()},
            titles=tuple(dict.fromkeys(by_seed[seed][key][1] for seed, (key, _) in chosen.items())),
            among=len({key for figures in by_seed.values() for key in figures}),
            hindsight=any(hindsight for _, hindsight in chosen.values()),
        )

    def failures(self, wanted: Callable[[Row], bool]) -> int:
        """Seeds at which the control of the wanted attack failed."""
        firsts = (next(filter(wanted, rows), None) for rows in self.cells.values())
        return sum(row is not None and row.control_failed is True for row in firsts)

    def total(self, name: str, wanted: Callable[[Row], bool]) -> int | None:
        """A count of the wanted attack, summed over seeds; None where a seed lacks it."""
        total = 0
        for rows in self.cells.values():
            row = next(filter(wanted, rows), None)
            count = None if row is None else getattr(row, name)
            if count is None:
                return None
            total += count
        return total


def _measured(rows: Iterable[Row], name: str) -> Iterator[Measured]:
    return (value for row in rows if (value := row.measured(name)) is not None)


def _chosen(
    seed: str, by_seed: Mapping[str, Mapping[Key, tuple[Measured, str]]]
) -> tuple[Key, bool]:
    """The attack to read off at a seed, and whether it was chosen in hindsight."""
    others = [figures for other, figures in by_seed.items() if other != seed]
    means = {
        key: float(np.mean([figures[key][0].value for figures in others if key in figures]))
        for key in by_seed[seed]
        if any(key in figures for figures in others)
    }
    if means:
        return max(means, key=lambda key: (means[key], key)), False
    here = by_seed[seed]
    return max(here, key=lambda key: (here[key][0].value, key)), True


def conditions(study: Study) -> list[Condition]:
    """All conditions, in the order of the axes' levels."""
    gathered: dict[tuple[tuple[str, str], ...], dict[str, list[Row]]] = {}
    for row in study.rows:
        levels = tuple((axis, level) for axis, level in row.levels.items() if axis != "seed")
        if "defence" not in row.levels:
            # Defences that vary along axes of other names are conditions of their own already.
            levels = (*levels, ("defence", row.defence))
        seed = row.levels.get("seed", str(row.seed))
        gathered.setdefault(levels, {}).setdefault(seed, []).append(row)
    found = [
        Condition(dict(levels), {seed: tuple(rows) for seed, rows in sorted(cells.items())})
        for levels, cells in gathered.items()
    ]
    return sorted(
        found,
        key=lambda one: [
            study.place(axis, one.levels[axis]) for axis in study.axes if axis in one.levels
        ],
    )


def settings(found: Sequence[Condition]) -> list[list[Condition]]:
    """Conditions that differ in their defence only, together."""
    groups: dict[tuple[tuple[str, str], ...], list[Condition]] = {}
    for condition in found:
        groups.setdefault(condition.setting, []).append(condition)
    return list(groups.values())
