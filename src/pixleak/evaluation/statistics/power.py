"""The smallest leak that an audit can detect.

The smallest AUC that a one-sided rank test at the given level detects with the given power, from
the normal limit of the Mann-Whitney statistic::

    A - 1/2 = z(1 - level) * sd_0 + z(power) * sd(A)
    sd_0^2  = (m + n + 1) / (12 m n)
    sd(A)^2 = (A (1 - A) + (m - 1) (Q1 - A^2) + (n - 1) (Q2 - A^2)) / (m n)
    Q1 = A / (2 - A),  Q2 = 2 A^2 / (1 + A)

Source:
    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic
    (ROC) curve", Radiology 143, 1982; Noether, "Sample size determination for some common
    nonparametric tests", JASA 82, 1987.
"""

from __future__ import annotations

import math

from scipy import optimize, special


def detectable_auc(members: int, nonmembers: int, *, level: float, power: float = 0.8) -> float:
    """The smallest AUC that is detected with this power, or 1.0 if there is none.

    Args:
        members: number of independent units (subjects where there are subjects).
        nonmembers: number of independent units among the non-members.
        level: one-sided level of the single test.
        power: probability of detection.

    Example:
        >>> round(detectable_auc(100, 100, level=0.05), 3)
        0.601
        >>> detectable_auc(2, 2, level=0.05)
        1.0
    """
    pairs = members * nonmembers
    at_chance = math.sqrt((members + nonmembers + 1) / (12 * pairs))
    critical = float(special.ndtri(1 - level)) * at_chance
    quantile = float(special.ndtri(power))

    def excess(area: float) -> float:
        q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
        variance = (
            area * (1 - area) + (members - 1) * (q1 - area**2) + (nonmembers - 1) * (q2 - area**2)
        ) / pairs
        return area - 0.5 - critical - quantile * math.sqrt(max(variance, 0.0))

    if excess(1.0) <= 0:
        return 1.0
    return float(optimize.brentq(excess, 0.5, 1.0))
