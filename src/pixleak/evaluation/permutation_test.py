"""Was this set used for training? One p-value for a whole set, by permutation.

Given an owner's records and comparable ones that cannot have been used, with one calibrated score
per record (higher = more likely a member), every unit (a subject, a cluster of near-copies, or a
record of its own) counts once: the midranks of its records are averaged, and R_u is the midrank of
that mean among the units. The statistic is Welch's, of M owned and N comparable units::

    T = (mean of owned R_u - mean of comparable R_u) / se      se^2 = var_own / M + var_comp / N

If the owner's records were not used, units are exchangeable, so every assignment of the two labels
to the units is as likely as the actual one. All assignments are gone through where there are no
more of them than permutations were asked for; else random ones::

    p = #{assignments with T at least as large} / assignments
    p = (1 + #{permutations with T at least as large}) / (1 + permutations)

The test is exact for exchangeable units. Because T is studentised, its level is right
asymptotically also where the units of the two sides differ in spread, as subjects with many records
and with few do. The scores may come from a regression on all records together that does not use the
labels; the test remains exact.

Source:
    Permutation tests: Pitman 1937; on membership of whole sets, Maini, Yaghini, Papernot, "Dataset
    Inference: Ownership Resolution in Machine Learning", ICLR 2021, arXiv:2104.10706 (there with
    a t-test over learned scores). Studentised statistics: Janssen, Statistics and Probability
    Letters 36, 1997; Chung and Romano, Annals of Statistics 41, 2013.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from scipy.stats import rankdata

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats

FEWEST_UNITS = 5
"""Fewest independent subjects (or records, without subjects) on each side."""
_CHUNK = 4_000_000


@dataclass(frozen=True)
class SetTest:
    """Outcome of the permutation test.

    Args:
        p_value: one-sided.
        permutations: their number, or that of all assignments.
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
        units: (n,) subject (or cluster of near-copies) of each record; permuted as a whole.
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
            f"got {count} and {len(inside) - count}; near-identical records count as one"
        )
    # Rounded, so that the means of equal ranks are tied whatever the number of records.
    means = np.round(np.bincount(of, rankdata(scores)) / np.bincount(of), 9)
    unit_ranks: Floats = np.asarray(rankdata(means), dtype=np.float64)
    observed = float(_welch(unit_ranks, inside[None, :])[0])
    ways = math.comb(len(inside), count)
    hits = done = 0
    for assigned in _assignments(len(inside), count, permutations, seed):
        # The tolerance keeps rounding from separating equal values.
        reached = _welch(unit_ranks, assigned) >= observed - 1e-9 * max(1.0, abs(observed))
        hits, done = hits + int(reached.sum()), done + len(assigned)
    p_value = hits / done if ways <= permutations else (1 + hits) / (1 + done)
    floor = 1 / ways if ways <= permutations else 1 / (1 + permutations)
    return SetTest(p_value, done, _cohen(scores, owned), floor)


def _assignments(units: int, count: int, permutations: int, seed: int) -> Iterator[Bools]:
    """Chunks (b, units) of all ways to call ``count`` units owned, or of so many random ones."""
    step = max(1, _CHUNK // units)
    if math.comb(units, count) <= permutations:
        ways = combinations(range(units), count)
        while chosen := list(islice(ways, step)):
            rows = np.zeros((len(chosen), units), dtype=np.bool_)
            np.put_along_axis(rows, np.array(chosen), True, axis=1)
            yield rows
        return
    generator = np.random.default_rng(seed)
    start = np.arange(units) < count
    for done in range(0, permutations, step):
        rows = np.broadcast_to(start, (min(step, permutations - done), units))
        yield generator.permuted(rows, axis=1)


def _welch(ranks: Floats, inside: Bools) -> Floats:
    """(b,) statistics of (b, units) assignments."""
    centred = ranks - ranks.mean()
    difference: Floats = np.zeros(len(inside))
    variance: Floats = np.zeros(len(inside))
    for sign, of in ((1, inside), (-1, ~inside)):
        chosen = of.astype(np.float64)
        n = chosen.sum(axis=1)
        mean = chosen @ centred / n
        spread = np.maximum(chosen @ centred**2 - n * mean**2, 0.0)
        difference = difference + sign * mean
        variance = variance + spread / (n - 1) / n
    # Without any spread, only the sign of the difference is left.
    return np.asarray(difference / np.sqrt(np.maximum(variance, 1e-18)))


def _cohen(scores: Floats, owned: Bools) -> float:
    finite = np.isfinite(scores)
    one, other = scores[owned & finite], scores[~owned & finite]
    if min(len(one), len(other)) < 2:
        return 0.0
    pooled = ((len(one) - 1) * one.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / (
        len(one) + len(other) - 2
    )
    return float((one.mean() - other.mean()) / np.sqrt(pooled)) if pooled > 0 else 0.0
