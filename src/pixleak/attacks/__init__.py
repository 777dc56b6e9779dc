"""Attacks: from signal tables to one score a record. One file an attack, one entry here."""

from __future__ import annotations

from pixleak.attacks.base import Attack, Evidence, Population
from pixleak.attacks.difficulty_calibration import DifficultyCalibration
from pixleak.attacks.learned_residuals import LearnedResiduals
from pixleak.attacks.lira import LiraOffline, LiraOnline
from pixleak.attacks.membership_error import FittedMembershipError, MembershipError
from pixleak.attacks.quantile_regression import QuantileRegression
from pixleak.attacks.rmia import Rmia
from pixleak.attacks.stratified_lira import StratifiedLira
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
    Rmia,
    StratifiedLira,
    LearnedResiduals,
)

ATTACKS: Registry[type[Attack]] = Registry("attacks", {attack.name: attack for attack in _OWN})

__all__ = ["ATTACKS", "Attack", "Evidence", "Population", "Threshold"]
