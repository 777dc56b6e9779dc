"""Holm's correction for several tests.

Source:
    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
    Statistics 6, 1979.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that hold for all tests together, in the order given.

    The k-th smallest of m is multiplied by m - k + 1; none is smaller than the one before.

    Example:
        Sorted .01, .02, .04 are multiplied by 3, 2, 1 and kept from falling.

        >>> [round(p, 3) for p in holm([0.04, 0.01, 0.02])]
        [0.04, 0.03, 0.04]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(raised, 1.0)
    return [float(value) for value in adjusted]
