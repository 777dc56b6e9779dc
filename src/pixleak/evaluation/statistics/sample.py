"""Scores of members and non-members, with the independent units that they belong to.

Records of one subject resemble one another, so they are resampled and permuted together: the
*unit* of all inference is the subject where there are subjects, and the record otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats

Ints = NDArray[np.int64]

MIN_RECORDS = 10
"""Fewest members, and fewest non-members, that can be evaluated."""

MIN_SUBJECTS = 5
"""Fewest subjects on a side: the spread between subjects cannot be estimated from fewer."""


@dataclass(frozen=True, eq=False)
class SampleSide:
    """The members, or the non-members.

    Args:
        scores: (n,) ascending.
        units: (n,) the unit of each record, ``0 .. count - 1``.
        count: number of units.
    """

    scores: Floats
    units: Ints
    count: int

    @property
    def clustered(self) -> bool:
        """Whether some unit holds several records."""
        return self.count < len(self.scores)

    @property
    def largest_share(self) -> float:
        """Share of the records that belongs to the largest unit."""
        return float(np.bincount(self.units).max() / len(self.scores))

    @property
    def effective_units(self) -> float:
        """How many units of equal size have the same sum of squared shares (Kish)."""
        sizes = np.bincount(self.units, minlength=self.count).astype(np.float64)
        return float(sizes.sum() ** 2 / np.sum(sizes**2))


@dataclass(frozen=True, eq=False)
class Sample:
    """Both sides of a split."""

    members: SampleSide
    nonmembers: SampleSide

    @property
    def clustered(self) -> bool:
        """Whether some unit holds several records."""
        return self.members.clustered or self.nonmembers.clustered

    @property
    def unit(self) -> str:
        """``"subject"`` or ``"record"``, to name a method with."""
        return "subject" if self.clustered else "record"


def sample_of(scores: Floats, member: Bools, units: Sequence[str] | None = None) -> Sample:
    """Sort (n,) scores by side.

    Args:
        scores: (n,) may be infinite.
        member: (n,) bool.
        units: (n,) subject of each record, or None where every record is independent.

    Raises:
        InputError: NaN, fewer than 10 records or 5 subjects on a side, or a subject on both sides.

    Example:
        >>> member = np.arange(20) < 10
        >>> sample = sample_of(np.arange(20.0), member, [f"p{i // 2}" for i in range(20)])
        >>> sample.members.count, sample.unit
        (5, 'subject')
    """
    member = np.asarray(member)
    if member.dtype != np.bool_:
        raise InputError(f"member must be booleans, got {member.dtype}")
    scores = checked_scores(scores, member)
    if units is not None and len(units) != len(scores):
        raise InputError(f"{len(scores)} scores but {len(units)} subjects")
    names = np.arange(len(scores)) if units is None else np.asarray(units, dtype=np.str_)
    for held, side in ((member, "members"), (~member, "non-members")):
        if held.sum() < MIN_RECORDS:
            raise InputError(
                f"too few {side}: {int(held.sum())}; an evaluation needs at least {MIN_RECORDS} "
                "on each side"
            )
        found = len(np.unique(names[held]))
        if found < MIN_SUBJECTS:
            raise InputError(
                f"the {int(held.sum())} {side} come from {found} subject{'s' * (found != 1)}; "
                f"at least {MIN_SUBJECTS} are needed to estimate how much subjects differ"
            )
    both = np.intersect1d(names[member], names[~member])
    if len(both):
        raise InputError(
            f"subject {str(both[0])!r} is on both sides, so its records are both members and "
            "non-members; split by subject"
        )
    return Sample(_side(scores[member], names[member]), _side(scores[~member], names[~member]))


def checked_scores(scores: Floats, member: Bools) -> Floats:
    """(n,) scores as float64, of the same length as ``member``.

    Raises:
        InputError: shapes differ, or a score is NaN.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or scores.shape != member.shape:
        raise InputError(
            "scores and member must hold one number per record each, got shapes "
            f"{scores.shape} and {member.shape}"
        )
    if np.isnan(scores).any():
        raise InputError(f"the score of record {int(np.isnan(scores).argmax())} is NaN")
    return scores


def drawn_units(count: int, replicates: int, generator: np.random.Generator) -> Ints:
    """(replicates, count) how often each of the units occurs in a draw with replacement."""
    units = generator.integers(0, count, (replicates, count))
    units += np.arange(replicates)[:, None] * count
    return np.bincount(units.ravel(), minlength=replicates * count).reshape(replicates, count)


def _side(scores: Floats, names: NDArray[np.generic]) -> SampleSide:
    order = np.argsort(scores, kind="stable")
    distinct, codes = np.unique(names[order], return_inverse=True)
    if len(distinct) == len(names):  # independent records, whatever their names
        codes = np.arange(len(names))
    return SampleSide(scores[order], codes.astype(np.int64), len(distinct))
