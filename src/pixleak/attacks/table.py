"""The table of attacks: one file per attack, one entry here."""

from __future__ import annotations

from pixleak.attacks.base import Attack
from pixleak.attacks.calibrated.difficulty_calibration import DifficultyCalibration
from pixleak.attacks.calibrated.learned_residuals import LearnedResiduals
from pixleak.attacks.calibrated.lira import LiraOffline, LiraOnline
from pixleak.attacks.calibrated.membership_error import FittedMembershipError, MembershipError
from pixleak.attacks.calibrated.multi_signal_lira import MultiSignalLira
from pixleak.attacks.calibrated.quantile_regression import QuantileRegression
from pixleak.attacks.calibrated.rmia import Rmia
from pixleak.attacks.calibrated.stratified_lira import StratifiedLira
from pixleak.attacks.calibrated.student_lira import StudentLira
from pixleak.attacks.threshold import Threshold
from pixleak.core.registry import Registry

_OWN: tuple[type[Attack], ...] = (
    Threshold,
    MembershipError,
    FittedMembershipError,
    QuantileRegression,
    DifficultyCalibration,
    LiraOffline,
    LiraOnline,
    StudentLira,
    Rmia,
    StratifiedLira,
    MultiSignalLira,
    LearnedResiduals,
)

ATTACKS: Registry[type[Attack]] = Registry(
    "attacks", {kind.name: kind for kind in _OWN}, noun="attack", base=Attack
)
"""Classes of attacks by name."""


def usual_attacks() -> tuple[type[Attack], ...]:
    """All attacks in the order of their ranks, those without one last."""
    last = max((kind.rank or 0 for kind in ATTACKS.values()), default=0) + 1
    return tuple(
        sorted(ATTACKS.values(), key=lambda kind: last if kind.rank is None else kind.rank)
    )
