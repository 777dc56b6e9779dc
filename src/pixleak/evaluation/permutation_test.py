"""Was this set used for training? One p-value for a whole set, by permutation.

Given an owner's records and comparable ones that cannot have been used, with one calibrated score
per record (higher = more likely a member), the statistic is the difference of mean ranks. If the
owner's records were not used, they are exchangeable with the comparable ones, so every assignment
of the two labels to the records (or to subjects) is as likely as the actual one::

    p = (1 + #{permutations with a difference at least as large}) / (1 + permutations)

The scores may come from a regression on all records together that does not use the labels; the
test remains exact.

Source:
    Permutation tests: Pitman 1937; on membership of whole sets, Maini, Yaghini, Papernot, "Dataset
    Inference: Ownership Resolution in Machine Learning", ICLR 2021, arXiv:2104.10706 (there with
    a t-test over learned scores).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats

FEWEST_UNITS = 5
"""Fewest independent subjects (or records, without subjects) on each side."""


@dataclass(frozen=True)
class SetTest:
    """Outcome of the permutation test.

    Args:
        p_value: one-sided.
        permutations: their number.
        effect: Cohen's d of the scores.
        floor: the smallest p-value that is possible with so many units and permutations.
    """

    p_value: float
    permutations: int
    effect: float
    floor: float


def permutation_test(
    scores: Floats,
    owned: Bools,
    *,
    units: Sequence[str] | None = None,
    permutations: int = 10_000,
    seed: int = 0,
) -> SetTest:
    """Whether the owned records' scores are higher than chance allows.

    Args:
        scores: (n,) finite or infinite.
        owned: (n,) bool.
        units: (n,) subject of each record; permuted as a whole.
        permutations: number of random permutations.
        seed: of the permutations.

    Raises:
        InputError: too few units on a side, a unit on both sides, or NaN.
    """
    if np.isnan(scores).any():
        raise InputError("a score is NaN, so the sets cannot be compared")
    names = [str(i) for i in range(len(scores))] if units is None else list(units)
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    of = np.array([order[name] for name in names])
    inside = np.zeros(len(order), dtype=np.bool_)
    inside[of[owned]] = True
    if inside[of[~owned]].any():
        raise InputError(
            "a subject is in both sets, so subjects cannot be permuted; separate the sets first"
        )
    count = int(inside.sum())
    if min(count, len(inside) - count) < FEWEST_UNITS:
        raise InputError(
            f"the test of a set needs at least {FEWEST_UNITS} independent subjects in each set, "
            f"got {count} and {len(inside) - count}"
        )
    ranks = rankdata(scores)
    sums = np.bincount(of, ranks, minlength=len(inside))
    sizes = np.bincount(of, minlength=len(inside)).astype(np.float64)
    generator = np.random.default_rng(seed)

    def difference(chosen: Bools) -> float:
        inner = sums[chosen].sum() / sizes[chosen].sum()
        outer = sums[~chosen].sum() / sizes[~chosen].sum()
        return float(inner - outer)

    observed = difference(inside)
    hits = 0
    for _ in range(permutations):
        permuted = np.zeros(len(inside), dtype=np.bool_)
        permuted[generator.permutation(len(inside))[:count]] = True
        hits += difference(permuted) >= observed - 1e-9
    return SetTest(
        p_value=(1 + hits) / (1 + permutations),
        permutations=permutations,
        effect=_cohen(scores, owned),
        floor=max(1 / (1 + permutations), 1 / math.comb(len(inside), count)),
    )


def _cohen(scores: Floats, owned: Bools) -> float:
    finite = np.isfinite(scores)
    one, other = scores[owned & finite], scores[~owned & finite]
    if min(len(one), len(other)) < 2:
        return 0.0
    pooled = ((len(one) - 1) * one.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / (
        len(one) + len(other) - 2
    )
    return float((one.mean() - other.mean()) / np.sqrt(pooled)) if pooled > 0 else 0.0
