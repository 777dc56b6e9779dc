"""Whether the target does its job on the records that it was trained on.

A model that does no better there than one constant answer has not learned them, or was asked in a
way that it was not trained for. Attacks on it find nothing, which says nothing about the model. So
its answers on the members are compared, record by record, with the best constant answer::

    segmenters   Dice(answer, truth)  -  Dice(class c everywhere, truth)        c the best class
    generators   |colour k - truth|   -  |answer - truth|                       k the best colour

The control passes if the mean difference is above 0 at the level of 5 % (one-sided t-test over
units). Without it, no negative result counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pixleak.core.tables import Floats, SignalTable
from pixleak.core.truth import LabelTruth
from pixleak.evaluation.statistics.sample import MIN_SUBJECTS
from pixleak.evaluation.utility import dice_parts
from pixleak.pipeline.utility import ANSWER_ERROR, confusion_columns
from pixleak.results.controls import Control

if TYPE_CHECKING:
    from pixleak.records.base import Records

WORKING = "working-target"
"""Name of the control."""

LEVEL = 0.05


def working_control(
    table: SignalTable,
    members: Records,
    units: Mapping[str, str],
    *,
    whose: str = "its training records",
) -> Control:
    """Compare the target with the best constant answer.

    Args:
        table: of the target, with what is measured for its utility.
        members: records that it was trained on.
        units: record id -> subject, block or the record itself.
        whose: what the records are, for the explanation.
    """
    chosen = table.select(ids=members.ids)
    if isinstance(members.truth, LabelTruth):
        told, mine, constant = _dice_and_constant(chosen, members.truth)
    else:
        told, mine, constant = _errors_and_constant(chosen, members)
    gain = np.where(np.isnan(mine), np.nan, mine - constant)
    if not isinstance(members.truth, LabelTruth):
        gain = -gain
    passed = _above_zero(gain, [units[key] for key in members.ids])
    known = ~np.isnan(gain)
    if passed is None:
        explanation = (
            f"Whether the target does its job on {whose} could not be measured: too few of them "
            "have anything to find."
        )
    else:
        explanation = (
            f"On {whose} the target reaches {told[0]} {mine[known].mean():.3f}; the best constant "
            f"answer ({told[1]}) reaches {constant[known].mean():.3f}."
        )
        if isinstance(members.truth, LabelTruth):
            explanation += (
                " This Dice is that of the predicted labels, and is 1 where an empty mask is "
                "predicted as empty; it differs from the soft Dice of the generalisation gap."
            )
        if not passed:
            explanation += (
                " It does not do its job better than a constant answer. Check that it is queried "
                "as it was trained: the same range and normalisation of images, the same order "
                "of classes."
            )
    return Control(
        name=WORKING, title="The target does its job", auc=None, passed=passed,
        explanation=explanation,
    )  # fmt: skip


def _dice_and_constant(
    table: SignalTable, truth: LabelTruth
) -> tuple[tuple[str, str], Floats, Floats]:
    counts = table.select(signals=confusion_columns(truth)).values
    _, true, predicted = np.split(counts, 3, axis=1)
    pixels = predicted.sum(axis=1)
    mine = dice_parts(counts, truth.background)
    candidates: list[tuple[float, Floats, str]] = []
    for c in range(truth.classes):
        everywhere = np.zeros_like(predicted)
        everywhere[:, c] = pixels
        right = np.zeros_like(true)
        right[:, c] = true[:, c]
        parts = dice_parts(np.concatenate([right, true, everywhere], axis=1), truth.background)
        values = np.where(parts[:, 1] > 0, parts[:, 0], 1.0)
        candidates.append((float(values.mean()), values, f"{truth.name_of(c)} everywhere"))
    _, constant, name = max(candidates, key=lambda one: one[0])
    # A record without foreground in truth and answer is answered rightly, by either.
    values = np.where(mine[:, 1] > 0, mine[:, 0], 1.0)
    return ("a Dice of", name), values, constant


def _errors_and_constant(
    table: SignalTable, members: Records
) -> tuple[tuple[str, str], Floats, Floats]:
    mine = table.select(signals=[ANSWER_ERROR]).values[:, 0]
    truth = members.truth
    assert not isinstance(truth, LabelTruth)
    span = truth.high - truth.low
    thinned = (one.truths[:, :, ::4, ::4].transpose(0, 1) for one in members.batches(16))
    sampled = np.concatenate([one.flatten(1).numpy() for one in thinned], axis=1)
    colour = np.median(sampled, axis=1)
    errors = [
        (one.truths.numpy() - colour[None, :, None, None]).__abs__().mean(axis=(1, 2, 3)) / span
        for one in members.batches(16)
    ]
    return ("an L1 error of", "one colour"), mine, np.concatenate(errors).astype(np.float64)


def _above_zero(gain: Floats, units: Sequence[str]) -> bool | None:
    """Whether the mean over units is above 0; None with too few units."""
    by_unit: dict[str, list[float]] = {}
    for unit, value in zip(units, gain.tolist(), strict=True):
        if value == value:
            by_unit.setdefault(unit, []).append(value)
    means = np.array([np.mean(values) for values in by_unit.values()])
    if len(means) < MIN_SUBJECTS:
        return None
    if np.ptp(means) == 0:
        return bool(means[0] > 0)
    return bool(stats.ttest_1samp(means, 0.0, alternative="greater").pvalue <= LEVEL)
