"""Positive predictive value: how often a record that is called a member is one.

Among records of which a share ``p`` were trained on (the prior), those above the threshold are
members with probability::

    PPV = p TPR / (p TPR + (1 - p) FPR)

An attack with a TPR of 20 % at an FPR of 1 % is right about 95 % of the records that it calls
members if half of the records in question are members, and about 17 % of them if one in a hundred
is. The interval takes both rates at the unfavourable, then at the favourable ends of their
Clopper-Pearson intervals, each at half of the error, so its coverage is at least the level.

Source:
    Jayaraman, Wang, Knipmeyer, Gu, Evans, "Revisiting Membership Inference Under Realistic
    Assumptions", PoPETs 2021, arXiv:2005.10881.
"""

from __future__ import annotations

from collections.abc import Sequence

from pixleak.results.base import PositivePredictiveValue, Rate

PRIORS = (0.01, 0.1, 0.5)


def predictive_values(
    tpr: Rate, fpr: Rate, priors: Sequence[float] = PRIORS
) -> list[PositivePredictiveValue]:
    """The positive predictive value at each prior; empty if no record was called a member.

    Args:
        tpr: share of members above the threshold, with its interval at half of the error.
        fpr: share of non-members above the threshold, likewise.
        priors: shares of members among the records in question.

    Example:
        >>> twenty = Rate(value=0.2, low=0.2, high=0.2, successes=20, trials=100)
        >>> one = Rate(value=0.01, low=0.01, high=0.01, successes=1, trials=100)
        >>> [round(found.value, 3) for found in predictive_values(twenty, one)]
        [0.168, 0.69, 0.952]
    """
    if not tpr.successes + fpr.successes:
        return []
    return [
        PositivePredictiveValue(
            prior=prior,
            value=_value(prior, tpr.value, fpr.value),
            low=_value(prior, tpr.low, fpr.high),
            high=_value(prior, tpr.high, fpr.low),
        )
        for prior in priors
    ]


def _value(prior: float, tpr: float, fpr: float) -> float:
    called = prior * tpr + (1 - prior) * fpr
    return prior * tpr / called if called > 0 else 0.0
