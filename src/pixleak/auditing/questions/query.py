"""One record: its error, its difficulty, and where it lies among reference non-members."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pixleak.auditing.questions.answers import QueryReport
from pixleak.auditing.questions.measured_errors import (
    PACKAGES,
    MeasuredErrors,
    check_alike,
    measure_errors,
)
from pixleak.core.errors import InputError
from pixleak.core.tables import Floats
from pixleak.core.truth import LabelTruth
from pixleak.evaluation.statistics.conformal import conformal_rank, joint_residuals
from pixleak.evaluation.verdict.rule import DEPENDENT
from pixleak.pipeline.asking.rehearsal import check_affordable
from pixleak.pipeline.asking.self_check import asked_about, check_answers
from pixleak.pipeline.plan.build import open_existing
from pixleak.pipeline.plan.choosing import title_of
from pixleak.records.checks.duplicates import find_duplicates
from pixleak.records.readers.single import read_single
from pixleak.request.given import open_records
from pixleak.request.questions import QueryRequest
from pixleak.results.environment import environment_here
from pixleak.results.query import QueryAnswer, QueryMeasure

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.targets.base import Target

FEATURES = "difficulty-features"
"""The difficulty whose plain difference from the error is the published attack."""


def answer_query(request: QueryRequest, record: Records) -> QueryReport:
    """Ask about one record.

    Args:
        request: target, reference non-members, and how to decide.
        record: a set of one record.

    Raises:
        InputError: more than one record, or records that cannot be compared or asked about.
    """
    if len(record) != 1:
        raise InputError(f"a query is about one record, got {len(record)}; use a set test for more")
    nonmembers = None if request.nonmembers is None else open_records(request.nonmembers)
    if nonmembers is not None:
        check_alike(record, nonmembers, "the reference non-members")
    target = open_existing(request.target, record.truth, request.seed).target
    difficulties, batch_size = request.difficulties, request.batch_size
    alpha, level, seed, title = request.alpha, request.level, request.seed, request.title
    still, asked = _asked(target, record, nonmembers, request)
    mine = measure_errors(target, record, difficulties, batch_size=batch_size)
    theirs = None
    if nonmembers is not None:
        theirs = measure_errors(target, nonmembers, difficulties, batch_size=batch_size)
    level_of_intervals = 0.95
    repeated = []
    pairs = [] if nonmembers is None else find_duplicates(record, nonmembers).pairs
    if any(pair.kind == "identical" for pair in pairs):
        raise InputError(
            f"record {record.ids[0]!r} is itself among the reference non-members, as "
            f"{pairs[0].nonmember!r}: take it out, or it is compared with itself"
        )
    if pairs:
        repeated.append(
            f"A record very like it, {pairs[0].nonmember}, is among the reference non-members: "
            "take that out, or the record is compared with a copy of itself."
        )
    errors = [_measured(mine, theirs, name, level_of_intervals) for name in mine.errors]
    hard = [_measured(mine, theirs, name, level_of_intervals) for name in mine.difficulties]
    membership = _membership_errors(mine, theirs, alpha, level_of_intervals)
    decided = membership[-1] if membership and membership[-1].p_value is not None else errors[0]
    answer, sentence, cautions = _conclusion(
        decided, errors[0], hard, mine, theirs, level, record.ids[0]
    )
    if still:
        answer, sentence = "cannot-tell", f"Cannot tell. {still}"
    return QueryReport(
        title=title,
        record=record.ids[0],
        target=target.name,
        seed=seed,
        level=level,
        references=0 if theirs is None else len(theirs.table.ids),
        errors=errors,
        difficulties=hard,
        membership_errors=membership,
        decided_by=decided.name,
        answer=answer,
        sentence=sentence,
        cautions=[*mine.left_out, *asked, *repeated, *cautions],
        environment=environment_here(*PACKAGES, device=str(target.device)),
    )


def _asked(
    target: Target, record: Records, nonmembers: Records | None, request: QueryRequest
) -> tuple[str, list[str]]:
    """Why nothing can be concluded, or the empty string; and cautions, by the self-check."""
    others = record if nonmembers is None else nonmembers
    few, _ = asked_about(others.ids, ())
    check_affordable(
        target, others.select(few), record, record, others, batch_size=request.batch_size
    )
    controls, _ = check_answers(
        target,
        others.select(few),
        record,
        batch_size=request.batch_size,
        samples=request.target.samples,
    )
    failed = [one for one in controls if one.passed is False]
    still = [one.explanation for one in failed if one.name == DEPENDENT]
    return (still[0] if still else "", [one.explanation for one in failed])


def _column(measured: MeasuredErrors, name: str) -> tuple[Floats, np.ndarray]:
    """Values, higher = more likely a member, and where they were measured."""
    one = measured.table.select(signals=[name])
    return one.infos[0].sign * one.values[:, 0], one.measured[:, 0]


def _measured(
    mine: MeasuredErrors, theirs: MeasuredErrors | None, name: str, level: float
) -> QueryMeasure:
    one = mine.table.select(signals=[name])
    info = one.infos[0]
    if not one.measured[0, 0]:
        raise InputError(
            f"{title_of(info)} is not defined for this record (an empty mask, or too few pixels)"
        )
    found = None
    if theirs is not None:
        scores, known = _column(theirs, name)
        if known.any():
            found = conformal_rank(float(info.sign * one.values[0, 0]), scores[known], level)
    return QueryMeasure(
        name=name,
        title=title_of(info),
        unit=info.unit,
        value=float(one.values[0, 0]),
        above=None if found is None else found.above,
        p_value=None if found is None or not info.queries_model else found.p_value,
    )


def _membership_errors(
    mine: MeasuredErrors, theirs: MeasuredErrors | None, alpha: float, level: float
) -> list[QueryMeasure]:
    """The plain difference, the regressions on each difficulty, and last that on all of them."""
    found = []
    error = mine.errors[0]
    if FEATURES in mine.difficulties:
        found.append(_plain(mine, theirs, error, alpha, level))
    if theirs is None:
        return found
    lists: list[tuple[str, ...]] = [(name,) for name in mine.difficulties]
    if len(lists) != 1:
        lists.append(mine.difficulties)
    for names in lists:
        columns = [_column(theirs, name) for name in (mine.regressed, *names)]
        known = np.logical_and.reduce([measured for _, measured in columns])
        if int(known.sum()) < len(names) + 5:
            continue
        own = np.array([_column(mine, name)[0][0] for name in (mine.regressed, *names)])
        rows = np.vstack([own, np.stack([values[known] for values, _ in columns], axis=1)])
        residuals = joint_residuals(rows[:, 1:], rows[:, 0])
        placed = conformal_rank(float(residuals[0]), residuals[1:], level)
        found.append(
            QueryMeasure(
                name="fitted-membership-error" + "".join(f"+{name}" for name in names),
                title="Fitted membership error, " + _what(names),
                unit="standard errors",
                value=float(residuals[0]),
                above=placed.above,
                p_value=placed.p_value,
            )
        )
    return found


def _what(names: Sequence[str]) -> str:
    if not names:
        return "no difficulty"
    return names[0].removeprefix("difficulty-").replace("-", " ") if len(names) == 1 else "all"


def _plain(
    mine: MeasuredErrors, theirs: MeasuredErrors | None, error: str, alpha: float, level: float
) -> QueryMeasure:
    def score(measured: MeasuredErrors) -> tuple[Floats, np.ndarray]:
        (low, first), (hard, second) = _column(measured, error), _column(measured, FEATURES)
        return low + alpha * hard, first & second

    value = float(score(mine)[0][0])
    found = None
    if theirs is not None:
        scores, known = score(theirs)
        if known.any():
            found = conformal_rank(value, scores[known], level)
    return QueryMeasure(
        name="membership-error",
        title=f"Membership error, deep features, alpha = {alpha:g}",
        unit="range",
        value=-value,
        above=None if found is None else found.above,
        p_value=None if found is None else found.p_value,
    )


def _conclusion(
    decided: QueryMeasure,
    error: QueryMeasure,
    hard: Sequence[QueryMeasure],
    mine: MeasuredErrors,
    theirs: MeasuredErrors | None,
    level: float,
    name: str,
) -> tuple[QueryAnswer, str, list[str]]:
    value = f"{error.title} of {name}: {error.value:.4g} {error.unit}."
    prior = (
        "A p-value says how seldom a non-member looks like this, not how likely the record is a "
        "member: that depends on how likely it was beforehand."
    )
    if theirs is None or decided.above is None or decided.p_value is None:
        return (
            "cannot-tell",
            f"{value} Without reference non-members nothing can be concluded: an easy record has a "
            "low error whoever was trained on it.",
            [
                "Give comparable records that the target was not trained on (nonmembers).",
                "The plain membership error has no scale of its own: what is low differs from "
                "model to model and from data set to data set.",
            ],
        )
    n = decided.above.trials
    seen = (
        f"{decided.above.successes} of {n} reference non-members "
        f"({decided.above.value:.1%} [{decided.above.low:.1%}, {decided.above.high:.1%}]) look at "
        f"least as much like a member (p = {decided.p_value:.3g}, {decided.title[0].lower()}"
        f"{decided.title[1:]})."
    )
    cautions = [prior, "Reference non-members must be comparable: same source, same preparation."]
    outside = [
        one.title
        for one in hard
        if one.above is not None and one.above.successes in (0, one.above.trials)
    ]
    if outside:
        cautions.append(
            f"The record lies outside the reference non-members by {', '.join(outside)}: what its "
            "difficulty predicts is extrapolated."
        )
    if 1 / (n + 1) > level:
        needed = int(np.ceil(1 / level)) - 1
        return (
            "cannot-tell",
            f"{value} {seen} With {n} references no p-value can be below {1 / (n + 1):.3g}; at "
            f"least {needed} are needed for a level of {level:g}.",
            cautions,
        )
    if outside:
        return (
            "cannot-tell",
            f"{value} {seen} It is unlike all of them in difficulty, so this cannot be relied on.",
            cautions,
        )
    if decided.p_value <= level:
        return ("unusual", f"{value} {seen} That is unusual for a non-member.", cautions)
    return (
        "not-unusual",
        f"{value} {seen} That is not unusual for a non-member, which does not show that it is one.",
        cautions,
    )


def query_files(request: QueryRequest, given: Path, wanted: Path) -> QueryReport:
    """Ask about the record that two files hold.

    Args:
        request: also says how the files are read.
        given: the model's input.
        wanted: its true output, or label map.

    Raises:
        InputError: target, files or reference non-members cannot be used.
    """
    form = request.record
    record = read_single(
        given,
        wanted,
        form.kind,
        size=form.size,
        channels=form.channels,
        target_channels=form.target_channels,
        truth=form.labels(),
    )
    if request.nonmembers is not None:
        nonmembers = open_records(request.nonmembers)
        request = request.model_copy(update={"nonmembers": nonmembers})
        theirs, mine = nonmembers.truth, form.labels()
        if (
            form.kind == "photo-to-labels"
            and isinstance(theirs, LabelTruth)
            and (theirs.classes, theirs.ignore) == (mine.classes, mine.ignore)
        ):
            # The set says what its classes are called, and which one is the background.
            record.truth = theirs
    return answer_query(request, record)
