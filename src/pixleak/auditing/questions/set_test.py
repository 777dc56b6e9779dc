"""A whole set: was it used?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pixleak.auditing.questions.answers import SetTestReport
from pixleak.auditing.questions.measured_errors import PACKAGES, check_alike, measure_errors
from pixleak.core.errors import InputError
from pixleak.core.roles import Role
from pixleak.core.tables import Bools
from pixleak.evaluation.controls import evaluate_control
from pixleak.evaluation.permutation_test import permutation_test
from pixleak.evaluation.statistics.conformal import joint_residuals
from pixleak.evaluation.statistics.intervals import auc_interval
from pixleak.evaluation.statistics.power import detectable_auc
from pixleak.evaluation.statistics.sample import MIN_RECORDS
from pixleak.evaluation.verdict.rule import DEPENDENT, WORKING
from pixleak.pipeline.asking.rehearsal import check_affordable
from pixleak.pipeline.asking.self_check import asked_about, check_answers
from pixleak.pipeline.asking.working import working_control
from pixleak.pipeline.plan.build import open_existing
from pixleak.records.checks.duplicates import find_duplicates
from pixleak.records.combine import gather
from pixleak.request.given import open_records
from pixleak.request.questions import SetTestRequest
from pixleak.results.controls import Control
from pixleak.results.environment import environment_here
from pixleak.results.set_test import SetAnswer
from pixleak.signals.blind import blind_baseline

if TYPE_CHECKING:
    from pixleak.records.base import Records


def answer_set_test(request: SetTestRequest) -> SetTestReport:
    """Test an owner's set.

    Raises:
        InputError: target or records cannot be used, or there are too few records.
    """
    owned, comparable = open_records(request.owned), open_records(request.comparable)
    difficulties, level, seed = request.difficulties, request.level, request.seed
    check_alike(owned, comparable, "the comparable records")
    if min(len(owned), len(comparable)) < MIN_RECORDS:
        raise InputError(
            f"a set test needs at least {MIN_RECORDS} records on each side, got {len(owned)} of "
            f"the owner's and {len(comparable)} comparable ones"
        )
    target = open_existing(request.target, owned.truth, seed).target
    records, split = gather(
        {Role.TARGET_MEMBERS: owned, Role.TARGET_NONMEMBERS: comparable}, seed=seed
    )
    sides = (Role.TARGET_MEMBERS, Role.TARGET_NONMEMBERS)
    mine = set(split.roles[Role.TARGET_MEMBERS])
    inside, outside = asked_about(*(split.roles[role] for role in sides))
    check_affordable(
        target,
        records.select(inside),
        records.select(outside),
        records,
        batch_size=request.batch_size,
        samples=request.target.samples,
    )
    asked, _ = check_answers(
        target,
        records.select(inside),
        records.select(outside),
        batch_size=request.batch_size,
        samples=request.target.samples,
    )
    measured = measure_errors(target, records, difficulties, batch_size=request.batch_size)
    columns = measured.table.select(signals=[measured.regressed, *measured.difficulties])
    known: Bools = np.all(columns.measured, axis=1)
    ids = [key for key, kept in zip(columns.ids, known.tolist(), strict=True) if kept]
    values = columns.values[known] * np.array([info.sign for info in columns.infos])
    member: Bools = np.array([key in mine for key in ids])
    by_id = split.units(records)
    units = [by_id[key] for key in ids]
    # Fitted on both sets together, without their labels.
    scores = joint_residuals(values[:, 1:], values[:, 0])
    tested = permutation_test(
        scores, member, units=units, permutations=request.permutations, seed=seed
    )
    compared = records.select(ids)
    blind = blind_baseline(compared, member, units=units, seed=seed)
    controls = [
        evaluate_control(
            blind.scores,
            member,
            name="blind-baseline",
            title="Blind baseline",
            what="A classifier that sees images and truths but never the model.",
            null_aucs=blind.null_aucs,
            level=0.05,
        ),
        _duplicates(compared, member),
        *asked,
        working_control(measured.table, records, by_id, whose="the records of both sets"),
    ]
    inside_units = len({unit for unit, m in zip(units, member, strict=True) if m})
    outside_units = len(set(units)) - inside_units
    answer, sentence = _conclusion(tested.p_value, tested.floor, level, controls, len(member))
    return SetTestReport(
        title=request.title,
        target=target.name,
        seed=seed,
        level=level,
        owned=int(member.sum()),
        comparable=int((~member).sum()),
        owned_units=inside_units,
        comparable_units=outside_units,
        score=f"{measured.regressed} below what difficulty predicts ("
        + (", ".join(name.removeprefix("difficulty-") for name in measured.difficulties) or "none")
        + ")",
        p_value=tested.p_value,
        smallest_p_value=tested.floor,
        permutations=tested.permutations,
        effect=tested.effect,
        auc=auc_interval(scores, member, units=units, seed=seed),
        detectable_auc=detectable_auc(inside_units, outside_units, level=level),
        controls=controls,
        answer=answer,
        sentence=sentence,
        environment=environment_here(*PACKAGES, device=str(target.device)),
    )


def _duplicates(records: Records, member: Bools) -> Control:
    """Whether the comparable records repeat the owner's, which hides that these were used."""
    inside = [key for key, m in zip(records.ids, member, strict=True) if m]
    outside = [key for key, m in zip(records.ids, member, strict=True) if not m]
    found = find_duplicates(records.select(inside), records.select(outside))
    return Control(
        name="duplicates",
        title="Repeated records",
        auc=None,
        passed=found.passed,
        explanation=found.explanation,
    )


def _conclusion(
    p_value: float, floor: float, level: float, controls: Sequence[Control], records: int
) -> tuple[SetAnswer, str]:
    blind, repeated, *of_target = controls
    seen = f"p = {p_value:.3g}"
    if still := [one for one in of_target if one.name == DEPENDENT and one.passed is False]:
        return ("cannot-tell", f"Cannot tell: {still[0].explanation}")
    if blind.passed is False:
        return (
            "cannot-tell",
            f"Cannot tell ({seen}): the two sets can be told apart without asking the model, so "
            "the test would find a difference whether or not the set was used. Compare with "
            "records that are like the owner's.",
        )
    if floor > level:
        return (
            "cannot-tell",
            f"Cannot tell: with so few independent records no p-value can be below {floor:.3g}.",
        )
    if p_value <= level:
        return (
            "used",
            f"The target does better on the owner's set than chance allows ({seen}, level "
            f"{level:g}): it was trained on it, on some of it, or on something very like it.",
        )
    if idle := [one for one in of_target if one.name in WORKING and one.passed is False]:
        return ("cannot-tell", f"Cannot tell ({seen}): {idle[0].explanation}")
    aside = (
        " Comparable records repeat the owner's, which hides use." if not repeated.passed else ""
    )
    return (
        "not-shown",
        f"Not shown ({seen}, level {level:g}). That is no proof that the set was not used.{aside}",
    )
