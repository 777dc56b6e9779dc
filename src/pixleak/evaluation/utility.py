"""A model's utility with intervals: statistics of sums over records.

Dice, SSIM and the L1 error are means over records; the mean intersection over union is a function
of pixel counts summed over records. All are functions of sums, so one bootstrap serves them: units
(subjects, or records without subjects) are drawn with replacement, the sums are recomputed, and
the quantiles are corrected for bias and skewness (BCa)::

    Dice of a record = mean over classes c in P or Y of 2 |P_c & Y_c| / (|P_c| + |Y_c|)
    mIoU             = mean over classes c in Y of sum |P_c & Y_c| / sum |P_c | Y_c|

Dice uses foreground classes only, and is undefined where neither truth nor prediction contains
any. mIoU includes the background, and excludes classes that occur in no truth.

Source:
    Dice, "Measures of the amount of ecologic association between species", Ecology 26, 1945;
    Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 88, 2010 (intersection
    over union from counts over all images); Efron, "Better bootstrap confidence intervals",
    JASA 82, 1987.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pixleak.core.tables import Bools, Floats
from pixleak.evaluation.statistics.intervals import bca
from pixleak.evaluation.statistics.sample import MIN_SUBJECTS
from pixleak.results.base import Interval

Statistic = Callable[[Floats], Floats]
"""(b, c) sums -> (b,) values."""


def interval_of_sums(
    parts: Floats,
    units: Sequence[str],
    statistic: Statistic,
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> Interval | None:
    """A statistic of sums over records, with its interval.

    Args:
        parts: (n, c) contribution of each record to the c sums.
        units: (n,) subject of each record, or the record itself.
        statistic: of the sums.
        level: coverage.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        None if there are fewer than five units.

    Example:
        The mean of 1 .. 9:

        >>> parts = np.stack([np.arange(1.0, 10.0), np.ones(9)], axis=1)
        >>> found = interval_of_sums(parts, list("abcdefghi"), mean_of_sums)
        >>> found.value, round(found.low, 1), round(found.high, 1)
        (5.0, 3.3, 6.6)
    """
    names, codes = np.unique(np.asarray(units, dtype=np.str_), return_inverse=True)
    count = len(names)
    if count < MIN_SUBJECTS:
        return None
    by_unit = np.zeros((count, parts.shape[1]))
    np.add.at(by_unit, codes, parts)
    total = by_unit.sum(axis=0, keepdims=True)
    estimate = float(statistic(total)[0])
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), replicates)
    replicated = statistic(drawn.astype(np.float64) @ by_unit)
    without = statistic(total - by_unit)
    low, high = estimate, estimate
    if np.ptp(replicated) > 0:
        bounds = bca(estimate, replicated, without.mean() - without, level)
        low, high = min(bounds.low, estimate), max(bounds.high, estimate)
    unit = "subject" if count < len(parts) else "record"
    return Interval(
        value=estimate,
        low=low,
        high=high,
        level=level,
        method=f"BCa bootstrap by {unit} ({replicates})",
    )


def mean_of_sums(sums: Floats) -> Floats:
    """The mean of (b, 2) sums and counts; 0 where the count is 0."""
    return np.asarray(sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], 1))


def mean_iou(sums: Floats) -> Floats:
    """(b,) mean over true classes of intersection over union.

    Args:
        sums: (b, 3 K): pixels of each class that are correctly predicted, true, and predicted.

    Example:
        Two classes of 10 pixels each; of the first, 8 are correct and 2 predicted as the second.

        >>> mean_iou(np.array([[8.0, 10, 10, 10, 8, 12]])).round(4).tolist()
        [0.8167]
    """
    right, true, predicted = np.split(sums, 3, axis=1)
    present = true > 0
    union = np.where(present, true + predicted - right, 1)
    shares = np.where(present, right / union, 0)
    return np.asarray(shares.sum(axis=1) / np.maximum(present.sum(axis=1), 1))


def dice_parts(counts: Floats, background: int | None) -> Floats:
    """(n, 2) Dice of each record, and whether it is defined.

    Args:
        counts: (n, 3 K) as in :func:`mean_iou`, of single records.
        background: the class of an empty mask, or None.

    Example:
        A record with background and two classes, the second of which is predicted but absent, and
        a record that is empty in truth and prediction.

        >>> counts = np.array([[5.0, 3, 0, 6, 4, 0, 5, 4, 1], [9.0, 0, 0, 9, 0, 0, 9, 0, 0]])
        >>> dice_parts(counts, background=0).tolist()
        [[0.375, 1.0], [0.0, 0.0]]
    """
    right, true, predicted = np.split(counts, 3, axis=1)
    mass = true + predicted
    present: Bools = mass > 0
    if background is not None:
        present[:, background] = False
    dice = np.where(present, 2 * right / np.where(present, mass, 1), 0)
    classes = present.sum(axis=1)
    measured = classes > 0
    means = np.where(measured, dice.sum(axis=1) / np.where(measured, classes, 1), 0)
    return np.stack([means, measured.astype(np.float64)], axis=1)
