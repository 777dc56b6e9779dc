"""One audit per model of a pool: every model is the victim once.

A target is one draw of training set and seed; another model trained in the same way may leak more
or less. The mean over victims estimates the leak of the training procedure, and their spread shows
how representative a single audit is.

**Interval.** Models and records are both random, and all models share the records. So a replicate
resamples both: units (subjects, blocks, records) with replacement, the same draw for every victim,
and victims with replacement, in complementary *pairs*, since the two halves of a pair share a draw
of the membership matrix::

    mean* = mean over drawn victims v of AUC(v; drawn units)        low, high = quantiles of mean*

A threshold at a false positive rate is chosen anew in every replicate. The quantiles are not
reflected, so they stay within range near 1. The interval is never narrower than a t interval over
the means of the pairs, which ignores the variation between records.

**Lead.** The same draws give the difference between the default attack's mean and another's,
paired by replicate: far fewer records are needed to decide which of two attacks is better than to
estimate how good either is.

Source:
    Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007 (two crossed factors
    resampled at once).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from pixleak.core.errors import InputError
from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.intervals import CHUNK
from pixleak.evaluation.statistics.sample import Ints, drawn_units
from pixleak.results.base import Interval
from pixleak.results.sections import LeaveOneOut, Spread, SpreadRate


@dataclass(frozen=True, eq=False)
class VictimScores:
    """One attack's scores on every victim.

    Args:
        name: of the attack.
        signal: that it used.
        title: name in tables.
        scores: (V, n), meaningless where not ``measured``.
        measured: (V, n) bool.
        member: (V, n) bool; victims 2k and 2k + 1 are complements.
    """

    name: str
    signal: str
    title: str
    scores: Floats
    measured: Bools
    member: Bools


def leave_one_out(
    attacks: Sequence[VictimScores],
    units: Sequence[str],
    *,
    victims: Sequence[str],
    references: int,
    default: int,
    level: float = 0.95,
    fprs: Sequence[float] = (0.1, 0.01, 0.001),
    replicates: int = 1000,
    seed: int = 0,
) -> LeaveOneOut:
    """Mean, interval and figures per victim of each attack.

    Args:
        attacks: on the same victims and records.
        units: (n,) subject, block or record of each record.
        victims: V names.
        references: number of reference models per victim.
        default: position of the attack that the others are compared with.
        level: of the intervals.
        fprs: false positive rates.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        InputError: no attacks, an odd number of victims, or shapes that do not match.
    """
    if not attacks or len(victims) < 2 or len(victims) % 2:
        raise InputError(
            "leave-one-out needs at least one attack and an even number of victims, got "
            f"{len(attacks)} attacks and {len(victims)} victims"
        )
    for one in attacks:
        shape = (len(victims), len(units))
        if not one.scores.shape == one.measured.shape == one.member.shape == shape:
            raise InputError(f"{one.title}: scores of shape {one.scores.shape}, expected {shape}")
    _, of = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    draws = _Draws(of.ravel(), len(victims), replicates, seed)
    measured = [_statistics(one, fprs, draws) for one in attacks]
    spreads = [
        _spread(one, found, measured[default] if i != default else None, fprs, draws, level)
        for i, (one, found) in enumerate(zip(attacks, measured, strict=True))
    ]
    best = attacks[default]
    return LeaveOneOut(
        victims=list(victims),
        references=references,
        default=best.title,
        attacks=spreads,
        explanation=(
            f"Each of {len(victims)} models was attacked with {references} others as its reference "
            "models. Its complement, which was trained on exactly the other records, was left out. "
            f"Intervals are for the mean over models and records ({replicates} draws of both)."
        ),
    )


@dataclass(frozen=True, eq=False)
class _AttackFigures:
    """AUC (first) and TPR at each FPR of one attack.

    Args:
        values: (V, 1 + f) on all records.
        replicated: (b, 1 + f) means over drawn victims and units.
        resolvable: (f,) whether every victim has enough non-members.
    """

    values: Floats
    replicated: Floats
    resolvable: list[bool]


class _Draws:
    """How often each unit and each victim is drawn in every replicate."""

    def __init__(self, of: Ints, victims: int, replicates: int, seed: int) -> None:
        self.of = of
        self.units = int(of.max()) + 1
        self.replicates = replicates
        units, models = np.random.default_rng(seed).spawn(2)
        self._unit_seed = units.integers(2**63)
        pairs = models.integers(0, victims // 2, (replicates, victims // 2))
        counts = np.zeros((replicates, victims // 2))
        np.add.at(counts, (np.arange(replicates)[:, None], pairs), 1.0)
        self.models: Floats = np.repeat(counts, 2, axis=1) / victims

    def records(self) -> Iterator[tuple[slice, Ints]]:
        """Chunks of b replicates: their positions, and (b, n) how often each record is drawn."""
        generator = np.random.default_rng(self._unit_seed)
        step = max(1, CHUNK // len(self.of))
        for start in range(0, self.replicates, step):
            size = min(step, self.replicates - start)
            counts = drawn_units(self.units, size, generator)
            yield slice(start, start + size), counts[:, self.of]


def _statistics(one: VictimScores, fprs: Sequence[float], draws: _Draws) -> _AttackFigures:
    victims = [_Ranked.of(*row) for row in zip(one.scores, one.measured, one.member, strict=True)]
    values = np.stack([victim.weighted(None, fprs)[0] for victim in victims])
    means = np.zeros((draws.replicates, values.shape[1]))
    for rows, counts in draws.records():
        for v, victim in enumerate(victims):
            means[rows] += draws.models[rows, v, None] * victim.weighted(counts, fprs)
    fewest = min(victim.nonmembers for victim in victims)
    return _AttackFigures(values, means, [fpr * fewest >= 1 - 1e-9 for fpr in fprs])


@dataclass(frozen=True, eq=False)
class _Ranked:
    """One victim's measured records from the highest score down.

    Args:
        order: (k,) positions among all records.
        member: (k,) bool.
        ends: (g,) position of the last record of each group of equal scores.
    """

    order: Ints
    member: Bools
    ends: Ints

    @property
    def nonmembers(self) -> int:
        """Number of non-members."""
        return int((~self.member).sum())

    @classmethod
    def of(cls, scores: Floats, measured: Bools, member: Bools) -> _Ranked:
        kept = np.flatnonzero(measured)
        if not member[kept].any() or member[kept].all():
            raise InputError(
                "leave-one-out: a victim has no scored members or no scored non-members"
            )
        order = kept[np.argsort(-scores[kept], kind="stable")]
        ranked = scores[order]
        ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(order) - 1)
        return cls(order, member[order], ends)

    def weighted(self, counts: Ints | None, fprs: Sequence[float]) -> Floats:
        """(b, 1 + f) AUC and TPRs with (b, n) counts of records; None counts each once."""
        weight = np.ones((1, len(self.order)), dtype=np.int64)
        if counts is not None:
            weight = counts[:, self.order]
        true, false = (
            np.cumsum(weight * side, axis=1)[:, self.ends] for side in (self.member, ~self.member)
        )
        members, nonmembers = np.maximum(true[:, -1], 1), np.maximum(false[:, -1], 1)
        before = np.concatenate([np.zeros((len(true), 1), dtype=true.dtype), true], axis=1)
        steps = np.diff(false, axis=1, prepend=0)
        area = np.sum(steps * (before[:, 1:] + before[:, :-1]), axis=1) / (2 * members * nonmembers)
        columns = [area]
        for fpr in fprs:
            allowed = np.floor(fpr * nonmembers + 1e-9).astype(np.int64)
            # Number of groups that keep the rate; 0 is the point before the first group.
            within = (false <= allowed[:, None]).sum(axis=1)
            found = np.take_along_axis(before, within[:, None], axis=1)[:, 0]
            columns.append(found / members)
        return np.stack(columns, axis=1)


def _spread(
    one: VictimScores,
    found: _AttackFigures,
    default: _AttackFigures | None,
    fprs: Sequence[float],
    draws: _Draws,
    level: float,
) -> Spread:
    intervals: list[Interval] = []
    leads: list[Interval | None] = []
    for column in range(found.values.shape[1]):
        intervals.append(
            _interval(found.values[:, column], found.replicated[:, column], level, (0.0, 1.0))
        )
        if default is None:
            leads.append(None)
            continue
        leads.append(
            _interval(
                default.values[:, column] - found.values[:, column],
                default.replicated[:, column] - found.replicated[:, column],
                level,
                (-1.0, 1.0),
            )
        )
    return Spread(
        name=one.name,
        signal=one.signal,
        title=one.title,
        auc=intervals[0],
        victims=found.values[:, 0].tolist(),
        lead=leads[0],
        tpr_at_fpr=[
            SpreadRate(
                fpr=fpr,
                mean=intervals[1 + f],
                victims=found.values[:, 1 + f].tolist(),
                lead=leads[1 + f],
                resolvable=found.resolvable[f],
            )
            for f, fpr in enumerate(fprs)
        ],
    )


def _interval(
    victims: Floats, replicated: Floats, level: float, within: tuple[float, float]
) -> Interval:
    """Bootstrap quantiles, at least as wide as a t interval over pairs of victims."""
    value = float(victims.mean())
    low, high = np.quantile(replicated, [(1 - level) / 2, (1 + level) / 2])
    pairs = victims.reshape(-1, 2).mean(axis=1)
    if len(pairs) > 1:
        quantile = float(special.stdtrit(len(pairs) - 1, 0.5 + level / 2))
        reach = quantile * float(pairs.std(ddof=1)) / np.sqrt(len(pairs))
        low, high = min(low, value - reach), max(high, value + reach)
    return Interval(
        value=value,
        low=max(min(float(low), value), within[0]),
        high=min(max(float(high), value), within[1]),
        level=level,
        method=f"bootstrap over models and records ({len(replicated)}), at least t over pairs",
    )
