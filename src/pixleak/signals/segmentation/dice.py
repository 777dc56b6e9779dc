"""Per-record Dice from intersections and masses, soft or hard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pixleak.core.tables import Floats
from pixleak.signals.base import Columns
from pixleak.signals.pixels.labels import Pixels


def mean_dice(
    overlap: Floats | NDArray[np.int64], predicted: Floats | NDArray[np.int64], pixels: Pixels
) -> Columns:
    """Mean over present foreground classes of 2 overlap / (predicted + true pixels).

    Args:
        overlap: (b, K) predicted mass on the class' own pixels.
        predicted: (b, K) predicted mass on all valid pixels.
        pixels: the b records.

    Returns:
        One column; not measured where a record has no foreground.
    """
    present = pixels.foreground
    total = np.where(present, predicted + pixels.class_count, 1)
    dice = np.where(present, 2.0 * overlap / total, 0.0)
    classes = present.sum(axis=1)
    return Columns.means(dice.sum(axis=1)[:, None], classes[:, None])
