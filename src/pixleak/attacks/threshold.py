"""Threshold attack: a record is a member if its signal passes a threshold.

The score is the oriented signal itself, so over the mean cross-entropy this is the published
global loss attack, and over the logit of a classifier trained on a shadow model's outputs it is
the published learned attack (Type-I, which sees the prediction only; Type-II, which also sees the
truth; loss-map patches)::

    score_j = sign * s_j        sign = +1 where members are higher, -1 where they are lower

No threshold is chosen here: evaluation reports every one of them.

Source:
    Yeom, Giacomelli, Fredrikson, Jha, "Privacy Risk in Machine Learning: Analyzing the
    Connection to Overfitting", CSF 2018, arXiv:1709.01604; for segmentation: Chobola, Usynin,
    Kaissis, "Membership Inference Attacks Against Semantic Segmentation Models", 2022,
    arXiv:2212.01082.

Differs from the source:
    Both sources fix the threshold at the (shadow's) mean training loss. That is one operating
    point of this score, ``shadow-training-loss``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pixleak.attacks.base import Attack
from pixleak.attacks.evidence import Evidence
from pixleak.core.tables import Floats


@dataclass(frozen=True, kw_only=True)
class Threshold(Attack):
    """The signal, oriented.

    Example:
        >>> import numpy as np
        >>> from pixleak.core.tables import SignalInfo, SignalTable
        >>> loss = SignalInfo(name="cross-entropy", unit="nat/pixel", members_are="lower")
        >>> observed = SignalTable(
        ...     ids=("a", "b"),
        ...     values=np.array([[0.1], [0.9]]),
        ...     infos=(loss,),
        ...     measured=np.array([[True], [True]]),
        ... )
        >>> Threshold().score(observed).values
        array([-0.1, -0.9])
    """

    name: ClassVar[str] = "threshold"
    title: ClassVar[str] = "Threshold"
    summary: ClassVar[str] = "the signal itself, every threshold"
    source: ClassVar[str] = "arXiv:1709.01604, arXiv:2212.01082"
    recordwise: ClassVar[bool] = True

    def _score(self, evidence: Evidence) -> Floats:
        return evidence.values
