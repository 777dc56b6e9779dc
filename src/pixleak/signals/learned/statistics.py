"""Pixel statistics of a record: the inputs of the logistic learned signals.

Losses span decades, and a member's differ from a non-member's by a factor: nearly all
statistics are logarithms of means. Taken with the true labels they serve Type-II; taken with
the predicted labels in their place (:attr:`~pixleak.signals.pixels.Pixels.as_predicted`) they
know the prediction only, and serve Type-I.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixleak.signals.bands import BANDS
from pixleak.signals.base import Columns
from pixleak.signals.fixed.dice_loss import DiceLoss
from pixleak.signals.pixels import Counts, Pixels
from pixleak.types import Bools, Floats

FEW_CLASSES = 4
"""Up to so many classes, each class and stratum has statistics of its own."""

_FLOOR = 1e-6  # of shares and probabilities before their logarithm; a clipped loss needs none


@dataclass(frozen=True, eq=False)
class Statistics:
    """f statistics of b records.

    Args:
        names: f names.
        values: (b, f), 0 where not ``measured``.
        measured: (b, f) bool.
    """

    names: tuple[str, ...]
    values: Floats
    measured: Bools


def _log(values: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(values, _FLOOR)))


def pixel_statistics(pixels: Pixels) -> Statistics:
    """The statistics of b records.

    Everywhere: log of the mean loss, of its second moment, of the worst 10 % and 2 % of losses,
    of the Dice loss, of entropy, modified entropy, 1 - confidence, 1 - p_true and the share of
    wrong labels; the mean margin; the foreground's share; log of the mean loss in each border
    band. With at most four classes also log of the mean loss in each class and stratum.
    """
    mean = pixels.mean
    whole: dict[str, Floats] = {
        "log loss": _log(mean("cross_entropy")),
        "log second moment": _log(mean("squared_cross_entropy")),
        "log worst 10 %": _log(pixels.worst_loss(0.1)),
        "log worst 2 %": _log(pixels.worst_loss(0.02)),
        "log entropy": _log(mean("entropy")),
        "log modified entropy": _log(mean("modified_entropy")),
        "log unconfidence": _log(1.0 - mean("confidence")),
        "log error": _log(1.0 - mean("p_true")),
        "log wrong share": np.asarray(np.log(1.0 - mean("right") + 1e-4)),
        "margin": mean("margin"),
        "foreground share": np.asarray(
            (pixels.class_count * pixels.foreground).sum(axis=1) / pixels.pixel_count
        ),
    }
    dice = DiceLoss().measure(pixels)
    names = [*whole, "log Dice loss"]
    columns = [Columns.single(values) for values in whole.values()] + [
        Columns(_log(dice.values), dice.measured)
    ]
    losses, counts = pixels.sums("cross_entropy"), pixels.stratum_count

    def add(labels: list[str], sums: Floats, count: Counts) -> None:
        means = Columns.means(sums, count)
        names.extend(labels)
        columns.append(Columns(_log(means.values), means.measured))

    add([f"log loss {band}" for band in BANDS], losses.sum(axis=1), counts.sum(axis=1))
    classes = pixels.truth_kind.classes
    if classes <= FEW_CLASSES:
        each = [f"log loss class {c}" for c in range(classes)]
        add(each, losses.sum(axis=2), pixels.class_count)
        strata = [f"{label} {band}" for label in each for band in BANDS]
        flat = (len(losses), -1)
        add(strata, losses.reshape(flat), counts.reshape(flat))
    measured = np.concatenate([column.measured for column in columns], axis=1)
    values = np.concatenate([column.values for column in columns], axis=1)
    return Statistics(tuple(names), np.where(measured, values, 0.0), measured)
