"""Difficulty calibration: how much better the target does than models not trained on the record.

A record that is easy for every model is not a member because it is easy. The difference between the
target's signal and its mean over the reference models that were not trained on the record is what
memorisation added::

    score_j = s_j - mean of s_ij over the references i that lack j

Calibrate the *logarithm* of the loss (signal ``log-cross-entropy``): losses of hard and of easy
records differ by orders of magnitude, and so do their deviations; in logarithms they are similar.

Source:
    Watson, Guo, Cormode, Sablayrolles, "On the Importance of Difficulty Calibration in
    Membership Inference Attacks", ICLR 2022, arXiv:2111.08440; Sablayrolles, Douze, Ollivier,
    Schmid, Jegou, "White-box vs Black-box: Bayes Optimal Strategies for Membership Inference",
    ICML 2019, arXiv:1908.11229.

Differs from the source:
    Watson et al. calibrate the loss of one label; here it is any signal of a whole image. Their
    reference models hold none of the records in question; here each record has references of
    its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pixleak.attacks.base import Attack, SignalLists
from pixleak.attacks.calibrated.moments import moments
from pixleak.attacks.evidence import Evidence
from pixleak.attacks.usual import calibrated
from pixleak.core.tables import Floats
from pixleak.core.truth import Kind


@dataclass(frozen=True, kw_only=True)
class DifficultyCalibration(Attack):
    """The signal minus its mean over references that lack the record.

    Example:
        Two references lack the record and have losses 3 and 5; a third holds it. The target's
        loss of 1 is 3 below their mean, so the score is 3.

        >>> import numpy as np
        >>> from pixleak.core.tables import ReferenceTable, SignalInfo, SignalTable
        >>> loss = SignalInfo(name="loss", unit="1", members_are="lower")
        >>> seen = np.array([[True]])
        >>> observed = SignalTable(("a",), np.array([[1.0]]), (loss,), seen)
        >>> reference = ReferenceTable(
        ...     ids=("a",),
        ...     models=("r0", "r1", "r2"),
        ...     values=np.array([[[3.0]], [[5.0]], [[0.5]]]),
        ...     infos=(loss,),
        ...     measured=np.ones((3, 1, 1), dtype=bool),
        ...     member=np.array([[False], [False], [True]]),
        ... )
        >>> DifficultyCalibration().score(observed, reference).values
        array([3.])
    """

    name: ClassVar[str] = "difficulty-calibration"
    title: ClassVar[str] = "Difficulty calibration"
    summary: ClassVar[str] = "the signal minus its mean over references that lack the record"
    source: ClassVar[str] = "Watson 2022, arXiv:2111.08440; Sablayrolles 2019, arXiv:1908.11229"
    rank: ClassVar = 50
    min_references: ClassVar[int] = 1
    min_outside: ClassVar[int] = 1
    recordwise: ClassVar[bool] = True

    @classmethod
    def usual_signals(cls, kind: Kind, difficulties: Sequence[str] = ()) -> SignalLists:
        second = "type-ii-logistic" if kind == "labels" else "likeness"
        return (calibrated(kind),), (second,)

    def _score(self, evidence: Evidence) -> Floats:
        return evidence.values - moments(evidence.reference, evidence.outside).mean
