"""Which subgroup of records is most exposed?

An average hides that small objects, or records without any, may be far more exposed than the rest.
Each subgroup has its own AUC (its members against its non-members) and its own rates at one
threshold, which is the same for all records.

A subgroup stands out if its AUC is above that of all other records::

    T   = AUC(subgroup) - AUC(others)    one-sided, over units of both groups
    p_b = (1 + bootstrap replicates in which T* <= 0) / (1 + replicates)
    p_m = smallest level at which the difference of Newcombe's intervals (MOVER) lies above 0
    p   = the larger of the two

corrected over the subgroups (Holm). The bootstrap alone is overconfident about a small subgroup
that happens to be separated perfectly, because every replicate of it is separated perfectly too.
The subgroup with the largest significant difference is named, if there is one.

Source:
    MOVER: Zou and Donner, Statistics in Medicine 27, 2008. Evaluation by subgroup: Chung, Kraska,
    Polyzotis, Tae, Whang, "Automated Data Slicing for Model Validation", ICDE 2019 / TKDE 2020.
    Holm, Scandinavian Journal of Statistics 6, 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from pixleak.core.errors import InputError
from pixleak.core.holm import holm
from pixleak.core.tables import Bools, Floats, Scores
from pixleak.evaluation.statistics.intervals import (
    auc_replicates,
    newcombe,
    placements_of,
    sample_auc_interval,
)
from pixleak.evaluation.statistics.rates import rate_of
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import Sample, sample_of
from pixleak.results.sections import SubgroupResult, Subgroups

_STRICTEST = 1e-6
"""Smallest level that the test considers."""


@dataclass(frozen=True, eq=False)
class Subgroup:
    """Records that share a property.

    Args:
        kind: the property: ``"object size"``, ``"class"``, ...
        name: its value, in words.
        holds: (n,) bool, whether a record belongs to it, in the order of the scores.
    """

    kind: str
    name: str
    holds: Bools


@dataclass(frozen=True, eq=False)
class _Compared:
    """One subgroup, with its sample and the test against the others if there are enough records."""

    subgroup: Subgroup
    sample: Sample | None
    difference: float
    p_value: float | None


def evaluate_subgroups(
    scores: Scores,
    member: Bools,
    subgroups: Sequence[Subgroup],
    *,
    units: Sequence[str] | None = None,
    fpr: float = 0.1,
    title: str = "",
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Subgroups:
    """One attack's result by subgroup.

    Args:
        scores: of n records.
        member: (n,) bool.
        subgroups: of these records; they may overlap.
        units: (n,) subject of each record.
        fpr: false positive rate, over all records, of the threshold at which subgroups are
            compared.
        title: of the attack.
        level: of the intervals, and one minus the level of the tests.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: a subgroup is defined for another number of records.
    """
    for subgroup in subgroups:
        if subgroup.holds.shape != member.shape:
            raise InputError(
                f"subgroup {subgroup.name!r} is defined for {len(subgroup.holds)} records, but "
                f"there are {len(member)}"
            )
    seen = scores.measured
    threshold = roc_of(scores.values[seen], member[seen]).at_fpr(fpr).threshold
    names = list(scores.ids) if units is None else list(units)
    compared = [
        _compare(one, scores.values, seen, member, names, replicates, seed) for one in subgroups
    ]
    tested = [one.p_value for one in compared if one.p_value is not None]
    adjusted = iter(holm(tested))
    results: list[SubgroupResult] = []
    significant: list[tuple[float, str]] = []
    for one in compared:
        p = None if one.p_value is None else float(next(adjusted))
        results.append(
            _result(one, scores.values, seen, member, threshold, level, replicates, seed, p)
        )
        if p is not None and p <= 1 - level + 1e-12:
            significant.append((one.difference, f"{one.subgroup.kind}: {one.subgroup.name}"))
    most = max(significant)[1] if significant else None
    return Subgroups(
        attack=scores.attack,
        signal=scores.signal,
        title=title,
        fpr=fpr,
        subgroups=results,
        most_exposed=most,
        explanation=_explanation(most, len(tested), len(compared), level),
    )


def _compare(
    subgroup: Subgroup,
    values: Floats,
    seen: Bools,
    member: Bools,
    units: Sequence[str],
    replicates: int,
    seed: int,
) -> _Compared:
    inside = _sample(values, member, units, subgroup.holds & seen)
    others = _sample(values, member, units, ~subgroup.holds & seen)
    if inside is None or others is None:
        return _Compared(subgroup, inside, 0.0, None)
    first, second = np.random.default_rng(seed).spawn(2)
    gaps = auc_replicates(inside, replicates, first) - auc_replicates(others, replicates, second)
    difference = placements_of(inside).auc - placements_of(others).auc
    p_value = (1 + int(np.count_nonzero(gaps <= 0))) / (1 + replicates)
    return _Compared(subgroup, inside, difference, max(p_value, _p_mover(inside, others)))


def _p_mover(inside: Sample, others: Sample) -> float:
    """Smallest one-sided level at which the difference of the AUCs lies above 0; at most 1/2."""
    first, second = placements_of(inside), placements_of(others)
    difference = first.auc - second.auc
    if difference <= 0:
        return 1.0

    def excess(log_level: float) -> float:
        coverage = 1 - 2 * float(np.exp(log_level))
        down = first.auc - newcombe(inside, first, coverage).low
        up = newcombe(others, second, coverage).high - second.auc
        return float(difference - np.hypot(down, up))

    strictest, loosest = float(np.log(_STRICTEST)), float(np.log(0.499))
    if excess(strictest) > 0:
        return _STRICTEST
    if excess(loosest) <= 0:
        return 0.5
    return float(np.exp(optimize.brentq(excess, strictest, loosest, xtol=1e-3)))


def _sample(values: Floats, member: Bools, units: Sequence[str], chosen: Bools) -> Sample | None:
    rows = np.flatnonzero(chosen).tolist()
    try:
        return sample_of(values[rows], member[rows], [units[i] for i in rows])
    except InputError:  # too few records or subjects on a side
        return None


def _result(
    one: _Compared,
    values: Floats,
    seen: Bools,
    member: Bools,
    threshold: float,
    level: float,
    replicates: int,
    seed: int,
    p_adjusted: float | None,
) -> SubgroupResult:
    held = one.subgroup.holds & seen
    sample = one.sample
    tpr = fpr = auc = None
    if sample is not None:
        tpr = rate_of(sample.members.scores > threshold, sample.members, level)
        fpr = rate_of(sample.nonmembers.scores > threshold, sample.nonmembers, level)
        auc = sample_auc_interval(sample, level=level, replicates=replicates, seed=seed)
    return SubgroupResult(
        kind=one.subgroup.kind,
        name=one.subgroup.name,
        members=int((held & member).sum()),
        nonmembers=int((held & ~member).sum()),
        auc=auc,
        tpr=tpr,
        fpr=fpr,
        p_adjusted=p_adjusted,
    )


def _explanation(most: str | None, tested: int, total: int, level: float) -> str:
    small = total - tested
    rest = f" {small} of {total} subgroups have too few records to be tested." if small else ""
    if not tested:
        return "No subgroup has enough members and non-members to be evaluated separately."
    if most is None:
        return (
            f"None of {tested} subgroups is significantly more exposed than the other records, at "
            f"a family-wise level of {100 * (1 - level):g} %.{rest}"
        )
    return f"The most exposed subgroup is {most!r}.{rest}"
