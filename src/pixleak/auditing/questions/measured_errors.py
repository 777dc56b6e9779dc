"""Errors and difficulties, which questions about one record and about a set have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pixleak.core.errors import InputError
from pixleak.core.tables import SignalTable
from pixleak.core.truth import ImageTruth
from pixleak.pipeline.plan.choosing import available_difficulties
from pixleak.pipeline.utility import beside
from pixleak.records.checks.repeated_reads import check_repeatable
from pixleak.signals import SIGNALS
from pixleak.signals.difficulty import DIFFICULTIES, Difficulty
from pixleak.signals.difficulty.base import measure_difficulty
from pixleak.signals.measure import measure

if TYPE_CHECKING:
    from pixleak.records.base import Records
    from pixleak.targets.base import Target

PACKAGES = ("torch", "numpy", "scipy", "monai")

ERRORS_OF_IMAGES = ("l1-error", "l2-error", "ssim-error")
ERRORS_OF_LABELS = ("cross-entropy", "dice-loss", "label-agreement")
LOGARITHMS = {"l1-error": "log-l1-error", "cross-entropy": "log-cross-entropy"}


@dataclass(frozen=True, eq=False)
class MeasuredErrors:
    """What was measured on some records.

    Args:
        table: errors first, what is measured for utility, then difficulties.
        errors: names of the errors that are shown.
        regressed: the one that regressions on difficulty are of: a logarithm where the access
            allows, since errors of easy and hard records differ by a factor.
        difficulties: names of the difficulties.
        left_out: one sentence for each difficulty that cannot be measured here.
    """

    table: SignalTable
    errors: tuple[str, ...]
    regressed: str
    difficulties: tuple[str, ...]
    left_out: tuple[str, ...]


def measure_errors(
    target: Target,
    records: Records,
    wanted: Sequence[str | Difficulty] | None,
    *,
    batch_size: int = 16,
) -> MeasuredErrors:
    """Ask a target about records, and measure their difficulty.

    Args:
        target: queried once per record.
        records: in batches of one size each.
        wanted: difficulties or their names; None for the usual ones that can be measured here.
        batch_size: records a query.

    Raises:
        InputError: an answer cannot be used, or a name is unknown.
        MissingExtraError: a difficulty that was named needs a package.
    """
    given = None if wanted is None else [DIFFICULTIES.taken(one) for one in wanted]
    difficulties, left_out = available_difficulties(given, records.truth)
    names = ERRORS_OF_IMAGES if isinstance(records.truth, ImageTruth) else ERRORS_OF_LABELS
    errors = [SIGNALS.make(name) for name in names]
    shown = [one.name for one in errors if target.access.grants(one.info.access)]
    regressed = LOGARITHMS.get(shown[0], shown[0])
    signals = [SIGNALS.make(name) for name in dict.fromkeys([*shown, regressed])]
    check_repeatable(records)
    found = measure(target, records, [*signals, *beside(records.truth)], batch_size=batch_size)
    if difficulties:
        found = found.join(measure_difficulty(records, difficulties))
    return MeasuredErrors(
        found,
        tuple(shown),
        regressed,
        tuple(one.name for one in difficulties),
        tuple(left_out),
    )


def check_alike(records: Records, others: Records, what: str) -> None:
    """Refuse sets that cannot be compared.

    Raises:
        InputError: other channels, size, or kind of truth.
    """
    if records.truth != others.truth:
        raise InputError(
            f"the true outputs of {what} are {others.truth}, those of the records in question "
            f"{records.truth}; read both in the same way"
        )
    first, second = tuple(records[0].image.shape), tuple(others[0].image.shape)
    if first != second:
        raise InputError(
            f"{what} have inputs of {second} (channels, height, width), the records in question of "
            f"{first}; read both in the same way and at one size"
        )
