"""From scores and true membership to all figures that are reported about an attack."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike

from pixleak.core.errors import InputError
from pixleak.core.plain_arrays import booleans, real_numbers
from pixleak.core.tables import Bools, Scores, SignalInfo
from pixleak.evaluation.statistics.intervals import sample_auc_interval
from pixleak.evaluation.statistics.operating import best_threshold, operating_point, oracle_point
from pixleak.evaluation.statistics.ppv import predictive_values
from pixleak.evaluation.statistics.rates import rate_of
from pixleak.evaluation.statistics.roc import Roc, attainable_auc, roc_of
from pixleak.evaluation.statistics.sample import Sample, sample_of
from pixleak.evaluation.statistics.significance import auc_p_value, tpr_p_value
from pixleak.evaluation.verdict.rule import decide
from pixleak.results.attacks import AttackResult, OperatingPoint, PointName
from pixleak.results.audit import Result
from pixleak.results.base import Rate, TprAtFpr
from pixleak.results.environment import environment_here

FPRS = (0.1, 0.01, 0.001)

GIVEN = "given"
"""The attack that scores which exist already stand under."""


def evaluate_scores(
    scores: Scores,
    member: Bools,
    *,
    units: Sequence[str] | None = None,
    info: SignalInfo | None = None,
    shadow: tuple[Scores, Bools] | None = None,
    extra_thresholds: Mapping[str, float] | None = None,
    control: Scores | None = None,
    title: str = "",
    seed: int = 0,
    level: float = 0.95,
    fprs: Sequence[float] = FPRS,
    replicates: int = 1000,
) -> AttackResult:
    """Evaluate one attack's scores. Records that it could not score are omitted and counted.

    Args:
        scores: of n records; higher = more likely a member.
        member: (n,) bool, in the order of ``scores.ids``.
        units: (n,) the subject of each record (or the record itself): intervals and tests treat
            subjects as independent, not records.
        info: the signal that was used, for what the attack requires.
        shadow: the same attack's scores on the attacker's own shadow model, and that model's
            membership; its best threshold is transferred.
        extra_thresholds: thresholds fixed beforehand, on the scale of the scores, by the names of
            :class:`~pixleak.results.attacks.OperatingPoint`.
        control: the same attack's scores on a model that was trained on none of the records;
            joined by id.
        title: name of the attack in tables.
        seed: of bootstrap and permutations.
        level: of the intervals.
        fprs: false positive rates at which the true positive rate is reported.
        replicates: of the bootstrap.

    Raises:
        InputError: NaN, fewer than 10 scored members or non-members, fewer than 5 subjects on
            a side, a subject on both sides, or an operating point unknown or given twice.
    """
    sample, roc = _sample_and_roc(scores, member, units)
    points = [oracle_point(sample, roc, level=level, replicates=replicates, seed=seed)]
    if shadow is not None:
        transferred = best_threshold(_sample_and_roc(shadow[0], shadow[1], None)[1])
        points.append(operating_point("shadow", sample, transferred, level=level))
    for name, threshold in (extra_thresholds or {}).items():
        points.append(operating_point(_point_name(name), sample, threshold, level=level))
    beside = None if control is None else _aligned(control, scores, member, units)
    return AttackResult(
        name=scores.attack,
        signal=scores.signal,
        title=title or scores.signal or scores.attack,
        source="" if info is None else info.source,
        access="unknown" if info is None else str(info.access),
        needs_truth=False if info is None else info.needs_truth,
        queries=1 if info is None else info.queries,
        auc=sample_auc_interval(sample, level=level, replicates=replicates, seed=seed),
        auc_attainable=attainable_auc(roc),
        tpr_at_fpr=[tpr_at_fpr(sample, roc, fpr, level=level, seed=seed) for fpr in fprs],
        operating_points=_each_once(points),
        members=roc.members,
        nonmembers=roc.nonmembers,
        not_measured=int((~scores.measured).sum()),
        p_value=auc_p_value(sample, seed),
        control_auc=None
        if beside is None
        else sample_auc_interval(beside[0], level=level, replicates=replicates, seed=seed),
        control_tpr=[] if beside is None else _rates(*beside, fprs, level),
    )


def tpr_at_fpr(
    sample: Sample, roc: Roc, fpr: float, *, level: float = 0.95, seed: int = 0
) -> TprAtFpr:
    """The true positive rate at a bounded false positive rate, with interval and test."""
    point = roc.at_fpr(fpr)
    above = [side.scores > point.threshold for side in (sample.members, sample.nonmembers)]
    rate = rate_of(above[0], sample.members, level)
    resolvable = fpr * roc.nonmembers >= 1 - 1e-9
    ppv = []
    if resolvable:
        half = (1 + level) / 2
        ppv = predictive_values(
            rate_of(above[0], sample.members, half), rate_of(above[1], sample.nonmembers, half)
        )
    return TprAtFpr(
        fpr=fpr,
        value=rate.value,
        low=rate.low,
        high=rate.high,
        successes=rate.successes,
        trials=rate.trials,
        false_positives=point.false_positives,
        nonmembers=roc.nonmembers,
        threshold=point.threshold,
        resolvable=resolvable,
        ppv=ppv,
        p_value=tpr_p_value(sample, fpr, seed),
    )


def judge_scores(
    scores: ArrayLike,
    member: ArrayLike,
    *,
    ids: Sequence[str] | None = None,
    subject: Sequence[str] | None = None,
    seed: int = 0,
    title: str = "Evaluation of given scores",
) -> Result:
    """Evaluate scores that already exist.

    Without a model and records no control can be run, so the verdict reports a leak only on the
    condition that members and non-members were drawn from the same population.

    Args:
        scores: (n,) one number per record, higher = more likely a member; may be infinite.
        member: (n,) whether the record was trained on; booleans, or 0 and 1.
        ids: (n,) record ids; positions by default.
        subject: (n,) the person or object that each record was taken from.
        seed: of bootstrap and permutations.
        title: of the result.

    Raises:
        InputError: lengths differ, a score is NaN, an id occurs twice, a subject is on both
            sides, or there are fewer than 10 records (5 subjects) on a side.
    """
    begun = time.monotonic()
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0, got {seed!r}")
    if not isinstance(title, str):
        raise InputError(f"title must be a text, got {title!r}")
    values = real_numbers(scores, "scores")
    truth = booleans(member, "member")
    if values.ndim != 1 or values.shape != truth.shape:
        raise InputError(
            f"scores and member must hold one number per record each, got shapes {values.shape} "
            f"and {truth.shape}"
        )
    names = tuple(str(i) for i in (range(len(values)) if ids is None else ids))
    if len(names) != len(values):
        raise InputError(f"{len(values)} scores but {len(names)} ids")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"record id {twice!r} occurs twice; give one score per record")
    units = None
    if subject is not None:
        # A record without a subject is its own unit.
        units = [
            f"record {name}" if s is None else str(s)
            for s, name in zip(subject, names, strict=False)
        ]
    every: Bools = np.ones(len(values), dtype=bool)
    given = Scores(ids=names, values=values, measured=every, attack=GIVEN, signal="score")
    attack = evaluate_scores(given, truth, units=units, title="Given scores", seed=seed)
    sample = sample_of(values, truth, units)
    return Result(
        title=title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - begun, 2),
        arguments={"records": len(values), "subjects": None if units is None else len(set(units))},
        seeds={"seed": seed},
        environment=environment_here("numpy", "scipy"),
        attacks=[attack],
        verdict=decide(
            [attack],
            [],
            duplicates=None,
            shift=None,
            members=sample.members.count,
            nonmembers=sample.nonmembers.count,
        ),
    )


def _sample_and_roc(
    scores: Scores, member: Bools, units: Sequence[str] | None
) -> tuple[Sample, Roc]:
    for held, what in (
        (scores.values, "values"),
        (scores.measured, "measured"),
        (member, "member"),
    ):
        if held.shape != (len(scores.ids),):
            raise InputError(
                f"attack {scores.attack!r}: {len(scores.ids)} records but {what} of shape "
                f"{held.shape}"
            )
    if units is not None and len(units) != len(scores.ids):
        raise InputError(f"{len(scores.ids)} records but {len(units)} subjects")
    kept = scores.measured
    chosen = None if units is None else [u for u, k in zip(units, kept, strict=True) if k]
    try:
        sample = sample_of(scores.values[kept], member[kept], chosen)
    except InputError as error:
        missing = int((~kept).sum())
        note = f" ({missing} of {len(kept)} records were not measured)" if missing else ""
        # Scores that were given come of no attack and no signal that the caller would know.
        whose = "" if scores.attack == GIVEN else f"{scores.attack} over {scores.signal}: "
        raise InputError(f"{whose}{error}{note}") from error
    return sample, roc_of(scores.values[kept], member[kept])


def _aligned(
    control: Scores, scores: Scores, member: Bools, units: Sequence[str] | None
) -> tuple[Sample, Roc]:
    """The control's sample and ROC, joined to the attack's records by id."""
    where = {key: i for i, key in enumerate(scores.ids)}
    if set(control.ids) != set(where):
        raise InputError(f"the control of {scores.signal!r} was not run on the same records")
    rows = [where[key] for key in control.ids]
    aligned = None if units is None else [units[i] for i in rows]
    return _sample_and_roc(control, member[rows], aligned)


def _rates(sample: Sample, roc: Roc, fprs: Sequence[float], level: float) -> list[Rate]:
    """The true positive rates at bounded false positive rates."""
    thresholds = [roc.at_fpr(fpr).threshold for fpr in fprs]
    return [rate_of(sample.members.scores > one, sample.members, level) for one in thresholds]


def _each_once(points: list[OperatingPoint]) -> list[OperatingPoint]:
    names = [point.name for point in points]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"operating point {twice[0]!r} is given twice")
    return points


def _point_name(name: str) -> PointName:
    known: tuple[PointName, ...] = get_args(PointName)
    for point in known:
        if name == point:
            return point
    raise InputError(f"unknown operating point {name!r}; known: {', '.join(known)}")
