"""Which records each model of a pool is trained on.

The matrix is drawn once, in pairs of complementary halves: model 2k is trained on a random half of
the units (subjects, blocks of frames, or records), model 2k + 1 on the other half. Each unit is
then in the training set of exactly half of the models, also when a model and its complement are
taken away, so the number of models that are trained on a record reveals nothing about any single
model.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixleak.core.disk.whole_files import replaced
from pixleak.core.errors import InputError
from pixleak.core.tables import Bools

FEWEST_MODELS, MOST_MODELS = 2, 256


@dataclass(frozen=True, eq=False)
class Membership:
    """Which records each model of a pool is trained on.

    Args:
        models: (m,) names.
        ids: (n,) record ids.
        units: (n,) the unit that each record was drawn with.
        inside: (m, n) bool, whether a model is trained on a record; records of one unit have equal
            columns.
    """

    models: tuple[str, ...]
    ids: tuple[str, ...]
    units: tuple[str, ...]
    inside: Bools

    def of(self, model: int) -> tuple[str, ...]:
        """The ids of the records that this model is trained on, in order."""
        return tuple(key for key, held in zip(self.ids, self.inside[model], strict=True) if held)

    def complement(self, model: int) -> int:
        """Position of the model that is trained on the other half."""
        return model ^ 1

    def save(self, path: Path) -> None:
        """Write a CSV: id, unit, and for every model a column of 0 and 1."""
        with (
            replaced(path) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("id", "unit", *self.models))
            for key, unit, column in zip(self.ids, self.units, self.inside.T, strict=True):
                writer.writerow((key, unit, *column.astype(int).tolist()))


def draw_membership(
    ids: Sequence[str], unit_of: Mapping[str, str], models: int, *, seed: int
) -> Membership:
    """Draw the matrix.

    Args:
        ids: (n,) record ids.
        unit_of: record id -> unit, which is drawn as a whole.
        models: number of models, even, 2 to 256.
        seed: of the draw.

    Raises:
        InputError: the number of models is odd or out of range, or there are fewer than two units.

    Example:
        >>> drawn = draw_membership("abcd", {k: k for k in "abcd"}, 4, seed=0)
        >>> drawn.inside.sum(axis=0).tolist(), drawn.inside.sum(axis=1).tolist()
        ([2, 2, 2, 2], [2, 2, 2, 2])
    """
    if not FEWEST_MODELS <= models <= MOST_MODELS or models % 2:
        raise InputError(
            f"a pool has an even number of models from {FEWEST_MODELS} to {MOST_MODELS}, since "
            f"they are drawn in complementary pairs; got {models}"
        )
    units = list(dict.fromkeys(unit_of[key] for key in ids))
    if len(units) < 2:
        raise InputError(
            f"a pool is trained on halves of the units, but there is {len(units)} unit"
        )
    generator = np.random.default_rng(seed)
    halves: Bools = np.zeros((models, len(units)), dtype=bool)
    for first in range(0, models, 2):
        # With an odd number of units the larger half alternates over the pairs.
        size = (len(units) + (first // 2) % 2) // 2
        halves[first, generator.permutation(len(units))[:size]] = True
        halves[first + 1] = ~halves[first]
    column = {unit: u for u, unit in enumerate(units)}
    return Membership(
        models=tuple(f"reference-{i:03d}" for i in range(models)),
        ids=tuple(ids),
        units=tuple(unit_of[key] for key in ids),
        inside=halves[:, [column[unit_of[key]] for key in ids]],
    )
