"""Pixel statistics of a record: the inputs of the logistic learned signals.

Losses span decades, and a member's differ from a non-member's by a factor, so nearly all statistics
are logarithms of means. With the true labels they serve Type-II attacks, which see prediction and
truth; with the predicted labels in their place (``Pixels.as_predicted``) they depend on the
prediction only and serve Type-I attacks. Where there are labels only, the statistics are of where
they are wrong, and of the shape of the predicted mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pixleak.core.tables import Bools, Floats
from pixleak.signals.base import Columns
from pixleak.signals.pixels.bands import BANDS
from pixleak.signals.pixels.labels import Counts, Pixels
from pixleak.signals.segmentation.dice_loss import DiceLoss
from pixleak.signals.segmentation.label_agreement import LabelDice

FEW_CLASSES = 4
"""Up to so many classes, each class and stratum has statistics of its own."""

_SHARE = 1e-4  # added to shares of labels, of which whole numbers of pixels are 0
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


def label_statistics(pixels: Pixels, with_truth: bool) -> Statistics:
    """The statistics of b records of which only labels are known.

    Of the predicted mask: log of each class' share (with at most four classes), the foreground's
    share, the shares of its border bands, the length of its edges, that length against the
    root of the foreground's area, and the number of foreground pieces. With the truth also log of
    the share of wrong labels, everywhere, in each border band and, with at most four classes, in
    each class and stratum; of 1 - Dice; of the true foreground's share and edge length; and
    how much larger the predicted ones are.

    Args:
        pixels: of any access; nothing but the labels is looked at.
        with_truth: whether the truth is known.
    """
    predicted = pixels.as_predicted
    names: list[str] = []
    columns: list[Columns] = []

    def add(labels: list[str], values: Floats, measured: Bools | None = None) -> None:
        values = values.reshape(len(values), -1)
        known = np.ones(values.shape, dtype=np.bool_) if measured is None else measured
        names.extend(labels)
        columns.append(Columns(values, known.reshape(values.shape)))

    classes = pixels.truth_kind.classes
    each = [f"class {c}" for c in range(classes)]
    few = classes <= FEW_CLASSES
    area, edges, pieces = _shape(predicted)
    size = pixels.pixel_count
    add(["log predicted foreground"], np.log(area / size + _SHARE))
    add(["log predicted edges"], np.log((edges + 1) / np.sqrt(size)))
    add(["log predicted raggedness"], np.log((edges + 1) / np.sqrt(area + 1)))
    add(["log predicted pieces"], np.log(pieces + 1.0))
    bands = predicted.stratum_count.sum(axis=1) / size[:, None]
    add([f"log predicted share {band}" for band in BANDS], np.log(bands + _SHARE))
    if few:
        shares = predicted.class_count / size[:, None]
        add([f"log predicted {one}" for one in each], np.log(shares + _SHARE))
    if with_truth:
        right, counts = pixels.sums("right"), pixels.stratum_count

        def wrong(labels: list[str], right: Floats, counts: Counts) -> None:
            found = Columns.means(counts - right, counts)
            values = np.log(found.values + _SHARE)
            add([f"log wrong{label}" for label in labels], values, found.measured)

        wrong([""], right.sum(axis=(1, 2))[:, None], size[:, None])
        wrong([f" {band}" for band in BANDS], right.sum(axis=1), counts.sum(axis=1))
        if few:
            wrong([f" {one}" for one in each], right.sum(axis=2), pixels.class_count)
            strata = [f" {one} {band}" for one in each for band in BANDS]
            wrong(strata, right.reshape(len(right), -1), counts.reshape(len(counts), -1))
        dice = LabelDice().measure(pixels)
        add(["log 1 - Dice"], np.log(1.0 - dice.values + _SHARE), dice.measured)
        true_area, true_edges, _ = _shape(pixels)
        add(["log foreground"], np.log(true_area / size + _SHARE))
        add(["log edges"], np.log((true_edges + 1) / np.sqrt(size)))
        add(["log foreground ratio"], np.log((area + 1) / (true_area + 1)))
        add(["log edge ratio"], np.log((edges + 1) / (true_edges + 1)))
    measured = np.concatenate([column.measured for column in columns], axis=1)
    values = np.concatenate([column.values for column in columns], axis=1)
    return Statistics(tuple(names), np.where(measured, values, 0.0), measured)


def _shape(pixels: Pixels) -> tuple[Floats, Floats, Floats]:
    """(b,) foreground pixels, pairs of neighbours of two labels, and foreground pieces."""
    from scipy.ndimage import label

    labels = pixels.labels.numpy()
    valid = np.ones(labels.shape, dtype=np.bool_)
    if pixels.valid is not None:
        valid = pixels.valid.numpy()
    inside = (
        valid
        if pixels.truth_kind.background is None
        else valid & (labels != pixels.truth_kind.background)
    )
    across = (labels[:, :, 1:] != labels[:, :, :-1]) & valid[:, :, 1:] & valid[:, :, :-1]
    down = (labels[:, 1:] != labels[:, :-1]) & valid[:, 1:] & valid[:, :-1]
    edges = across.sum(axis=(1, 2)) + down.sum(axis=(1, 2))
    pieces = np.array([label(one)[1] for one in inside], dtype=np.float64)
    return inside.sum(axis=(1, 2)).astype(np.float64), edges.astype(np.float64), pieces
