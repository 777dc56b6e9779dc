"""Attacks: from signal tables to one score a record. One file an attack, one entry here."""

from __future__ import annotations

from pixleak.attacks.base import Attack, Evidence, Population
from pixleak.attacks.threshold import Threshold
from pixleak.registry import Registry

_OWN: tuple[type[Attack], ...] = (Threshold,)

ATTACKS: Registry[type[Attack]] = Registry("attacks", {attack.name: attack for attack in _OWN})

__all__ = ["ATTACKS", "Attack", "Evidence", "Population", "Threshold"]
