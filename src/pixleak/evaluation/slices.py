"""Which kind of record is most exposed?

An average hides that small objects, or records without any, may be told apart far more easily than
the rest. Each kind of record gets its own AUC (members against non-members of that kind) and its
rates at the one threshold that holds for all records.

A kind stands out if its AUC is above that of all other records::

    T   = AUC(kind) - AUC(others)        one-sided, over units of both groups
    p_b = (1 + bootstrap replicates in which T* <= 0) / (1 + replicates)
    p_m = smallest level at which the difference of Newcombe's intervals (MOVER) lies above 0
    p   = the larger of the two

corrected over the kinds (Holm). A bootstrap alone is sure of a small kind that happens to be
separated without a mistake: every replicate of it is, too. The largest significant difference is
named; without one, none is.

Source:
    MOVER: Zou and Donner, Statistics in Medicine 27, 2008. Slices of
    evaluations: Chung, Kraska, Polyzotis, Tae, Whang, "Automated Data Slicing for Model
    Validation", ICDE 2019 / TKDE 2020; Holm, Scandinavian Journal of Statistics 6, 1979.
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
    interval_of,
    newcombe,
    placements_of,
)
from pixleak.evaluation.statistics.rates import rate_of
from pixleak.evaluation.statistics.roc import roc_of
from pixleak.evaluation.statistics.sample import Sample, sample_of
from pixleak.results.sections import SubgroupResult, Subgroups

_STRICTEST = 1e-6
"""Level below which the test does not look."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """A kind of record.

    Args:
        kind: what is looked at: ``"object size"``, ``"class"``, ...
        name: which of the kind, in words.
        holds: (n,) bool, in the order of the scores.
    """

    kind: str
    name: str
    holds: Bools


@dataclass(frozen=True, eq=False)
class _Compared:
    """One kind with its sample and the test against the others, where there are enough."""

    attribute: Attribute
    sample: Sample | None
    difference: float
    p_value: float | None


def slices_of(
    scores: Scores,
    member: Bools,
    attributes: Sequence[Attribute],
    *,
    units: Sequence[str] | None = None,
    fpr: float = 0.1,
    title: str = "",
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Subgroups:
    """One attack's result by kind of record.

    Args:
        scores: of n records.
        member: (n,) bool.
        attributes: the kinds.
        units: (n,) subject of each record.
        fpr: false positive rate, over all records, of the threshold to compare kinds at.
        title: of the attack.
        level: of the intervals, and one minus the level of the tests.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: an attribute has another number of records.
    """
    for attribute in attributes:
        if attribute.holds.shape != member.shape:
            raise InputError(
                f"{attribute.name!r} says something about {len(attribute.holds)} records, there "
                f"are {len(member)}"
            )
    seen = scores.measured
    threshold = roc_of(scores.values[seen], member[seen]).at_fpr(fpr).threshold
    names = list(scores.ids) if units is None else list(units)
    compared = [
        _compare(a, scores.values, seen, member, names, replicates, seed) for a in attributes
    ]
    tested = [one.p_value for one in compared if one.p_value is not None]
    adjusted = iter(holm(tested))
    subgroups = []
    standing: list[tuple[float, str]] = []
    for one in compared:
        p = None if one.p_value is None else float(next(adjusted))
        subgroups.append(
            _slice(one, scores.values, seen, member, threshold, level, replicates, seed, p)
        )
        if p is not None and p <= 1 - level + 1e-12:
            standing.append((one.difference, f"{one.attribute.kind}: {one.attribute.name}"))
    most = max(standing)[1] if standing else None
    return Subgroups(
        attack=scores.attack,
        signal=scores.signal,
        title=title,
        fpr=fpr,
        subgroups=subgroups,
        most_exposed=most,
        explanation=_explanation(most, len(tested), len(compared), level),
    )


def _compare(
    attribute: Attribute,
    values: Floats,
    seen: Bools,
    member: Bools,
    units: Sequence[str],
    replicates: int,
    seed: int,
) -> _Compared:
    inside = _sample(values, member, units, attribute.holds & seen)
    others = _sample(values, member, units, ~attribute.holds & seen)
    if inside is None or others is None:
        return _Compared(attribute, inside, 0.0, None)
    first, second = np.random.default_rng(seed).spawn(2)
    gaps = auc_replicates(inside, replicates, first) - auc_replicates(others, replicates, second)
    difference = _auc(inside) - _auc(others)
    p_value = (1 + int(np.count_nonzero(gaps <= 0))) / (1 + replicates)
    return _Compared(attribute, inside, difference, max(p_value, _p_mover(inside, others)))


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


def _auc(sample: Sample) -> float:
    scores = np.concatenate([sample.members.scores, sample.nonmembers.scores])
    return roc_of(scores, np.arange(len(scores)) < len(sample.members.scores)).auc


def _slice(
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
    held = one.attribute.holds & seen
    sample = one.sample
    tpr = fpr = auc = None
    if sample is not None:
        tpr = rate_of(sample.members.scores > threshold, sample.members, level)
        fpr = rate_of(sample.nonmembers.scores > threshold, sample.nonmembers, level)
        auc = interval_of(sample, level=level, replicates=replicates, seed=seed)
    return SubgroupResult(
        kind=one.attribute.kind,
        name=one.attribute.name,
        members=int((held & member).sum()),
        nonmembers=int((held & ~member).sum()),
        auc=auc,
        tpr=tpr,
        fpr=fpr,
        p_adjusted=p_adjusted,
    )


def _explanation(most: str | None, tested: int, all_of_them: int, level: float) -> str:
    few = all_of_them - tested
    rest = f" {few} of {all_of_them} kinds hold too few records to say." if few else ""
    if not tested:
        return "No kind of record holds enough members and non-members to be looked at alone."
    if most is None:
        return (
            f"No kind of record stands out among {tested}: none is exposed more than the other "
            f"records, at a family-wise level of {100 * (1 - level):g} %.{rest}"
        )
    return f"The records most exposed are those of the kind {most!r}.{rest}"
