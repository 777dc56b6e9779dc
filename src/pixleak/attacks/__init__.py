"""Attacks: from signals to one score per record.

On plain arrays::

    attack = pixleak.attacks.LiraOnline()
    scores = attack.score_arrays(losses, reference_losses, held, members_are="lower")
    print(pixleak.evaluate(scores, is_member))
"""

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
from pixleak.attacks.choice import AttackChoice
from pixleak.attacks.evidence import Evidence, Population
from pixleak.attacks.table import ATTACKS
from pixleak.attacks.threshold import Threshold

__all__ = [
    "ATTACKS",
    "Attack",
    "AttackChoice",
    "DifficultyCalibration",
    "Evidence",
    "FittedMembershipError",
    "LearnedResiduals",
    "LiraOffline",
    "LiraOnline",
    "MembershipError",
    "MultiSignalLira",
    "Population",
    "QuantileRegression",
    "Rmia",
    "StratifiedLira",
    "StudentLira",
    "Threshold",
]
