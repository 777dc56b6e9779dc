"""Intervals of the AUCs of several attacks that hold together, also for the strongest.

Idea: the largest of several noisy AUCs is too large, and its own interval covers the truth too
rarely. The bootstrap draws the same units for all attacks; with z the logit of an AUC and s its
bootstrap standard deviation, the quantile c of the largest deviation gives intervals of equal
reach::

    c = quantile over replicates of  max over attacks of |z* - z| / s             z +- c s

Where an AUC is so near 0 or 1 that its replicates hardly vary, the interval is at least Newcombe's
at the level that Bonferroni's correction leaves.

Coverage of the strongest attack's true AUC, measured at level 0.95 with a true AUC of 0.6, 60
records a side and 300 samples per cell (standard error 0.013), for attacks whose scores correlate
by 0, 0.6 and 0.9: 0.98 to 0.99 for 8 and for 20 attacks. The own interval of the strongest covers
in 0.72 to 0.93 (``benchmarks/unequal_subjects.py``).

Source:
    Westfall and Young, "Resampling-Based Multiple Testing", 1993 (max-T).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pixleak.core.tables import Bools, Floats, Scores
from pixleak.evaluation.statistics.intervals import CHUNK, newcombe, placements_of
from pixleak.evaluation.statistics.sample import drawn_units, sample_of
from pixleak.results.base import Interval

_NEAR = 0.02  # an AUC this near 0 or 1 has replicates that hardly vary


def simultaneous_intervals(
    attacks: Sequence[Scores],
    member: Bools,
    units: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> list[Interval]:
    """The AUC of each attack with an interval; all of them cover with probability ``level``.

    Args:
        attacks: scores of the same n records; each may lack some.
        member: (n,) bool.
        units: (n,) subject of each record, or None.
        level: probability that all intervals cover.
        replicates: of the bootstrap.
        seed: of the bootstrap.
    """
    names = np.arange(len(member)).astype(str) if units is None else np.asarray(units, np.str_)
    drawn = _SharedDraws(member, names, replicates, seed)
    areas, centres, deviations = [], [], []
    for one in attacks:
        kept = one.measured
        sample = sample_of(one.values[kept], member[kept], names[kept].tolist())
        area = placements_of(sample).auc
        near = 0.5 / (len(sample.members.scores) * len(sample.nonmembers.scores))
        centre = float(special.logit(np.clip(area, near, 1 - near)))
        replicated = drawn.areas(one.values, kept)
        deviations.append(special.logit(np.clip(replicated, near, 1 - near)) - centre)
        areas.append((area, sample))
        centres.append(centre)
    spreads = np.array([max(float(np.std(one)), 1e-9) for one in deviations])
    largest = np.max(np.abs(np.array(deviations)) / spreads[:, None], axis=0)
    reach = float(np.quantile(largest, level))
    shared = 1 - (1 - level) / len(attacks)
    found = []
    for (area, sample), centre, spread in zip(areas, centres, spreads.tolist(), strict=True):
        low, high = special.expit([centre - reach * spread, centre + reach * spread]).tolist()
        if min(area, 1 - area) < _NEAR:
            wide = newcombe(sample, placements_of(sample), shared)
            low, high = min(low, wide.low), max(high, wide.high)
        found.append(
            Interval(
                value=area,
                low=min(low, area),
                high=max(high, area),
                level=level,
                method=f"simultaneous over {len(attacks)} attacks (max-T bootstrap by "
                f"{sample.unit}, {replicates})",
            )
        )
    return found


class _SharedDraws:
    """How often every record is drawn, the same for all attacks."""

    def __init__(self, member: Bools, names: NDArray[np.str_], replicates: int, seed: int) -> None:
        self.member = member
        self.codes = np.zeros(len(member), dtype=np.int64)
        self.counts = {}
        generator = np.random.default_rng(seed)
        for side in (True, False):
            of = member == side
            found, codes = np.unique(names[of], return_inverse=True)
            self.codes[of] = codes
            self.counts[side] = drawn_units(len(found), replicates, generator)

    def areas(self, values: Floats, kept: Bools) -> Floats:
        """(replicates,) exact AUCs of one attack on the records that it scored."""
        rows = {
            side: np.flatnonzero(kept & (self.member == side))[
                np.argsort(values[kept & (self.member == side)], kind="stable")
            ]
            for side in (True, False)
        }
        inside, outside = values[rows[True]], values[rows[False]]
        left = np.searchsorted(outside, inside, side="left")
        right = np.searchsorted(outside, inside, side="right")
        replicates = len(self.counts[True])
        step = max(1, CHUNK // len(values))
        found = np.full(replicates, 0.5)
        for start in range(0, replicates, step):
            part = slice(start, start + step)
            ours = self.counts[True][part][:, self.codes[rows[True]]]
            theirs = self.counts[False][part][:, self.codes[rows[False]]]
            below = np.zeros((len(theirs), theirs.shape[1] + 1), dtype=np.int64)
            np.cumsum(theirs, axis=1, out=below[:, 1:])
            twice = np.einsum("ij,ij->i", ours, below[:, left] + below[:, right])
            pairs = 2 * ours.sum(axis=1) * below[:, -1]
            np.divide(twice, pairs, out=found[part], where=pairs > 0)
        return found
