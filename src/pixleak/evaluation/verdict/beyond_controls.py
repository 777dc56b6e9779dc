"""Whether a significant figure is evidence: it must exceed what models that saw nothing show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri

from pixleak.results.attacks import AttackResult
from pixleak.results.base import Rate, TprAtFpr

TESTED_FPRS = (0.1, 0.01)
"""False positive rates at which the true positive rate is tested, in addition to the AUC."""


def is_evidence(attack: AttackResult, auc: bool, rates: Sequence[TprAtFpr]) -> bool:
    """Whether a significant figure of an attack exceeds a control that passed."""
    auc, rates = _beyond_elsewhere(attack, auc, rates)
    control = attack.control_auc
    if control is None:
        return auc or bool(rates)
    if not control.low <= 0.5 <= control.high:
        return False
    return (auc and attack.auc.low > control.value) or any(
        rate.low > _tpr_of_auc(control.value, rate.fpr) for rate in _beyond_control(attack, rates)
    )


def _beyond_elsewhere(
    attack: AttackResult, auc: bool, rates: Sequence[TprAtFpr]
) -> tuple[bool, Sequence[TprAtFpr]]:
    """The significant figures that a model trained on neither side does not explain."""
    if attack.elsewhere_excess is None:
        return auc, rates
    there = {
        rate.fpr: found for rate, found in zip(attack.tpr_at_fpr, attack.elsewhere_tpr, strict=True)
    }
    return (
        auc and attack.elsewhere_excess.low > 0,
        [rate for rate in rates if rate.low > there[rate.fpr]],
    )


def _beyond_control(attack: AttackResult, rates: Sequence[TprAtFpr]) -> list[TprAtFpr]:
    """The rates that those of the same attack on an untrained model do not explain."""
    own = {rate.fpr: at for rate, at in zip(attack.tpr_at_fpr, attack.control_tpr, strict=False)}
    if any(at.low > fpr for fpr, at in own.items() if is_tested(fpr)):
        return []

    def exceeds(rate: TprAtFpr, at: Rate) -> bool:
        reach = np.hypot(rate.value - rate.low, at.high - at.value)
        return bool(rate.value - at.value > reach)

    return [rate for rate in rates if rate.fpr not in own or exceeds(rate, own[rate.fpr])]


def is_tested(fpr: float) -> bool:
    """Whether the true positive rate at this false positive rate is among the tests."""
    return any(abs(fpr - tested) < 1e-9 for tested in TESTED_FPRS)


def _tpr_of_auc(auc: float, fpr: float) -> float:
    """The TPR at an FPR for normal scores of equal variance with this AUC."""
    return float(ndtr(ndtri(fpr) + np.sqrt(2) * ndtri(auc)))
