"""How useful the models of an audit are, from the same pass that the signals come from.

Utility is a property of a model and stands with the model in the result
(:class:`pixleak.results.models.ModelInfo`); it is no analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from pixleak.core.access import Access
from pixleak.core.roles import Role
from pixleak.core.tables import Bools, Floats, SignalInfo, SignalTable
from pixleak.core.truth import LabelTruth, Truth
from pixleak.evaluation.utility import (
    Statistic,
    dice_parts,
    interval_of_sums,
    mean_iou,
    mean_of_sums,
)
from pixleak.results.base import Interval
from pixleak.results.models import ModelInfo, Utility
from pixleak.signals.base import Columns, Signal
from pixleak.signals.generation.base import ImageSignal
from pixleak.signals.pixels.images import ImagePixels
from pixleak.signals.pixels.labels import Pixels

if TYPE_CHECKING:
    from pixleak.pipeline.measuring.measured import Measured
    from pixleak.pipeline.models import Models
    from pixleak.pipeline.plan.plan import Plan

_COUNTS = ("right", "true", "predicted")

ANSWER_ERROR = "answer-error"
"""The column of :class:`AnswerError`."""


@dataclass(frozen=True, kw_only=True)
class Confusion(Signal):
    """Pixels of each class: rightly predicted, true, predicted.

    Measured for utility: it is in no table of signals, so that no attack looks at it.
    """

    info: ClassVar[SignalInfo] = SignalInfo(
        name="confusion",
        unit="pixel",
        members_are="higher",
        access=Access.LABEL,
        summary="pixels rightly predicted, true and predicted, by class",
    )

    def infos(self, truth: LabelTruth) -> tuple[SignalInfo, ...]:
        return tuple(
            SignalInfo(
                name=f"confusion-{what}-{c}",
                unit="pixel",
                members_are="higher",
                access=Access.LABEL,
            )
            for what in _COUNTS
            for c in range(truth.classes)
        )

    def measure(self, pixels: Pixels) -> Columns:
        parts = (pixels.sums("right").sum(axis=2), pixels.class_count, pixels.predicted_count)
        values = np.concatenate(parts, axis=1).astype(np.float64)
        return Columns(values, np.ones(values.shape, dtype=np.bool_))


@dataclass(frozen=True, kw_only=True)
class AnswerError(ImageSignal):
    """Mean absolute error of a generator's answer, in units of the range.

    Measured for utility, whichever signals an audit attacks.
    """

    info: ClassVar[SignalInfo] = SignalInfo(
        name=ANSWER_ERROR,
        unit="range",
        members_are="lower",
        access=Access.IMAGE,
        summary="mean absolute difference of answer and true image",
    )

    def measure(self, pixels: ImagePixels) -> Columns:
        return Columns.single(pixels.mean_of(pixels.absolute_error))


def beside(truth: Truth) -> tuple[Signal, ...]:
    """What is measured of every model for its utility, beside the signals."""
    return (Confusion(),) if isinstance(truth, LabelTruth) else (AnswerError(),)


@dataclass(frozen=True)
class _Kind:
    """One figure: what each record adds to sums, and what is made of them."""

    name: Literal["dice", "miou", "ssim", "l1"]
    parts: Floats
    statistic: Statistic


def utilities(
    table: SignalTable,
    member: Mapping[str, bool],
    units: Mapping[str, str],
    truth: Truth,
    *,
    level: float,
    replicates: int,
    seed: int,
) -> list[Utility]:
    """The utility of one model on its training records and on held-out ones.

    Args:
        table: of the model, with what :func:`beside` measures.
        member: record id -> whether the model was trained on it, of the records to look at.
        units: record id -> subject, or the record itself.
        truth: of the records.
        level: of the intervals.
        replicates: of the bootstrap.
        seed: of the bootstrap.
    """
    chosen = table.select(ids=list(member))
    inside: Bools = np.array([member[key] for key in chosen.ids])
    unit_of = np.array([units[key] for key in chosen.ids])

    def on(side: Bools, kind: _Kind) -> tuple[Interval | None, int]:
        counted = side & (kind.parts != 0).any(axis=1)
        found = interval_of_sums(
            kind.parts[counted],
            unit_of[counted].tolist(),
            kind.statistic,
            level=level,
            replicates=replicates,
            seed=seed,
        )
        return found, len(set(unit_of[counted].tolist()))

    out = []
    for kind in _kinds(chosen, truth):
        (members, ours), (heldout, theirs) = on(inside, kind), on(~inside, kind)
        if members is None and heldout is None:
            continue
        out.append(
            Utility(
                name=kind.name,
                members=members,
                heldout=heldout,
                members_units=ours,
                heldout_units=theirs,
            )
        )
    return out


def _kinds(table: SignalTable, truth: Truth) -> list[_Kind]:
    if isinstance(truth, LabelTruth):
        counts = table.select(signals=confusion_columns(truth)).values
        return [
            _Kind("dice", dice_parts(counts, truth.background), mean_of_sums),
            _Kind("miou", counts, mean_iou),
        ]
    kinds: list[tuple[Literal["ssim", "l1"], str, Callable[[Floats], Floats]]] = [
        ("ssim", "ssim-error", lambda error: 1 - error),
        ("l1", "l1-error", lambda error: error),
    ]
    found = []
    for name, signal, of in kinds:
        if signal in table.names:
            column = table.select(signals=[signal])
            known = column.measured[:, 0]
            values = np.where(known, of(column.values[:, 0]), 0)
            found.append(
                _Kind(name, np.stack([values, known.astype(np.float64)], axis=1), mean_of_sums)
            )
    return found


def confusion_columns(truth: LabelTruth) -> list[str]:
    """The columns of :class:`Confusion`: right, true, predicted pixels of each class."""
    return [info.name for info in Confusion().infos(truth)]


def names_of(truth: Truth) -> Sequence[str]:
    """The columns that :func:`beside` measures."""
    return [info.name for signal in beside(truth) for info in signal.infos(truth)]


def describe_models(plan: Plan, models: Models, measured: Measured) -> list[ModelInfo]:
    """What the result says about each model: what it is, its utility and how long it takes.

    Where only some records were targeted by a poison, utility is measured on those that were not.
    """
    units = plan.split.units(plan.records)
    held = {"target": plan.ids(Role.TARGET_MEMBERS, Role.BYSTANDER_MEMBERS)}
    held["untrained"] = held["target"]
    held["shadow"] = plan.ids(Role.SHADOW_MEMBERS)
    looked_at = plan.ids(Role.BYSTANDER_MEMBERS, Role.BYSTANDER_NONMEMBERS) or plan.audited
    infos = [models.target.info]
    infos += [] if models.shadow is None else [models.shadow.info]
    if plan.references is not None:
        infos += [reference.info for reference in models.references]
        drawn = plan.references.membership
        held |= {name: drawn.of(i) for i, name in enumerate(drawn.models)}
    infos += [] if models.untrained is None else [models.untrained.info]
    described = []
    for info in infos:
        asked = measured.asked[info.name]
        ids = asked.table.ids if info.name == "shadow" else looked_at
        inside = set(held[info.name])
        utility = utilities(
            asked.table,
            {key: key in inside for key in ids},
            units,
            plan.truth,
            level=plan.evaluation.level,
            replicates=plan.evaluation.replicates,
            seed=plan.seed_for("utility"),
        )
        update: dict[str, object] = {"utility": utility, "inference_seconds": asked.seconds}
        update |= _plain_means(asked.table.select(ids=ids), inside)
        described.append(info.model_copy(update=update))
    return described


def _plain_means(table: SignalTable, members: set[str]) -> dict[str, object]:
    """Mean utility on training records and on held-out records, by the field of the result.

    For segmenters it is the mean soft Dice, where there is foreground; for generators the mean L1
    error and SSIM.
    """
    means: dict[str, object] = {}
    for signal, what, complement in (
        ("dice-loss", "dice", True),
        ("l1-error", "error", False),
        ("ssim-error", "ssim", True),
    ):
        if signal not in table.names:
            continue
        column = table.select(signals=[signal])
        for side, inside in (("members", True), ("nonmembers", False)):
            chosen = [
                m and ((key in members) == inside)
                for key, m in zip(column.ids, column.measured[:, 0], strict=True)
            ]
            if any(chosen):
                mean = float(column.values[chosen, 0].mean())
                means[f"{side}_{what}"] = 1 - mean if complement else mean
    return means
