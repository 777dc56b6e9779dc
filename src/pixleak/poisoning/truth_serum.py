"""Truth Serum: mislabelled copies of the records in question, which expose the members.

Idea: a model that is trained on r copies of a record with a wrong label becomes uncertain about
that record, unless it was trained on the correct record as well; so members stand out more than
without the copies. For label maps the label is wrong in one region: two classes are exchanged
within a square of side s (a share of the image's sides), around a random border pixel::

    y'[i, j] = b where y[i, j] = a,   a where y[i, j] = b,   inside the square;   y[i, j] elsewhere

where a and b are the classes on either side of the border. In a record without a border the square
is at a random place, a is the class at its centre and b another one. All copies of a record are
identical. The attacker knows the copies, so the models that calibrate the attack are trained on
them as well. Membership affects neither which records are targeted nor how they are altered.

Source:
    Tramèr, Shokri, San Joaquin, Le, Jagielski, Hong, Carlini, "Truth Serum: Poisoning Machine
    Learning Models to Reveal Their Secrets", CCS 2022, arXiv:2204.00032.

Differs from the source:
    There the label of a classifier is changed; here a part of a label map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from torch import Tensor

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.poisoning.base import Poison, coin
from pixleak.training.loop.losses import valid_pixels


@dataclass(frozen=True, kw_only=True)
class TruthSerum(Poison):
    """Copies of audited records with two classes exchanged in one region.

    Args:
        copies: number of copies of every targeted record.
        targets: number of audited records that are targeted, at random; rounded up to whole
            subjects. The attacks are evaluated only on them.
        size: side of the square, as a share of the image's sides.
    """

    name: ClassVar[str] = "truth-serum"
    title: ClassVar[str] = "Truth Serum"
    summary: ClassVar[str] = (
        "adds copies of audited records with two classes exchanged in one region"
    )
    source: ClassVar[str] = "Tramèr 2022, arXiv:2204.00032"
    takes: ClassVar[Literal["members", "audited"]] = "audited"
    success_threshold: ClassVar[float] = 0.5
    success_description: ClassVar[str] = (
        "at least half of the exchanged pixels were predicted as in the copies"
    )

    copies: int = 4
    targets: int = 60
    size: float = 0.25

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise InputError(f"truth-serum needs copies of at least 1, got {self.copies}")
        if self.targets < 1:
            raise InputError(f"truth-serum needs targets of at least 1, got {self.targets}")
        if not 0 < self.size <= 1:
            raise InputError(f"truth-serum needs size in (0, 1], got {self.size}")

    @property
    def copies_per_record(self) -> int:
        return self.copies

    def select(self, unit_of: Mapping[str, str], *, seed: int) -> tuple[str, ...]:
        units = sorted(set(unit_of.values()), key=lambda unit: (coin(seed, unit), unit))
        held = dict.fromkeys(units, 0)
        for unit in unit_of.values():
            held[unit] += 1
        before = np.cumsum([0, *(held[unit] for unit in units)])
        taken = {unit for unit, n in zip(units, before, strict=False) if n < self.targets}
        return tuple(key for key, unit in unit_of.items() if unit in taken)

    def _apply(
        self, key: str, image: Tensor, labels: Tensor, truth: LabelTruth, draws: Generator
    ) -> tuple[Tensor, Tensor]:
        (row, column), (a, b) = _place(labels, truth, draws)
        top, left = (
            _start(at, side, self.size)
            for at, side in zip((row, column), labels.shape, strict=True)
        )
        height, width = (_length(side, self.size) for side in labels.shape)
        square = labels[top : top + height, left : left + width]
        first, second = square == a, square == b
        square[first], square[second] = b, a
        return image, labels

    def effect(
        self, clean: Tensor, triggered: Tensor, labels: Tensor, poisoned: Tensor, truth: LabelTruth
    ) -> float | None:
        """Share of the exchanged pixels that are predicted as in the copies."""
        exchanged = labels != poisoned
        return float((triggered == poisoned)[exchanged].double().mean())


def _place(
    labels: Tensor, truth: LabelTruth, draws: Generator
) -> tuple[tuple[int, int], tuple[int, int]]:
    """A pixel at a border, or any valid pixel if there is no border, and two classes."""
    valid = valid_pixels(labels, truth)
    right = (labels[:, 1:] != labels[:, :-1]) & valid[:, 1:] & valid[:, :-1]
    below = (labels[1:] != labels[:-1]) & valid[1:] & valid[:-1]
    borders = [(r, c, 0, 1) for r, c in right.nonzero().tolist()]
    borders += [(r, c, 1, 0) for r, c in below.nonzero().tolist()]
    if borders:
        row, column, down, across = borders[int(draws.integers(len(borders)))]
        pair = int(labels[row, column]), int(labels[row + down, column + across])
        return (row, column), pair
    within = valid.nonzero().tolist()
    row, column = within[int(draws.integers(len(within)))]
    here = int(labels[row, column])
    other = int(draws.integers(truth.classes - 1))
    return (row, column), (here, other + (other >= here))


def _length(side: int, share: float) -> int:
    return max(1, round(side * share))


def _start(at: int, side: int, share: float) -> int:
    """Start of a square around ``at`` that lies within the image."""
    length = _length(side, share)
    return min(max(at - length // 2, 0), side - length)
