"""What the models of an audit are good for, from the same pass that the signals come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from pixleak.core.access import Access
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
from pixleak.results.models import Utility
from pixleak.signals.base import Columns, Signal
from pixleak.signals.pixels.labels import Pixels

_COUNTS = ("right", "true", "predicted")


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


def beside(truth: Truth) -> tuple[Signal, ...]:
    """What is measured of every model for its utility, beside the signals."""
    return (Confusion(),) if isinstance(truth, LabelTruth) else ()


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
        names = [info.name for info in Confusion().infos(truth)]
        counts = table.select(signals=names).values
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


def names_of(truth: Truth) -> Sequence[str]:
    """The columns that :func:`beside` measures."""
    return [info.name for signal in beside(truth) for info in signal.infos(truth)]
