"""Poisons: manipulated training records that make other records easier to recognise.

One file per poison. ``POISONS`` maps names to classes; ``pixleak list``, tests and docs read it.
"""

from __future__ import annotations

from pixleak.core.registry import Registry
from pixleak.poisoning.base import Poison
from pixleak.poisoning.triggers import Line, Square
from pixleak.poisoning.truth_serum import TruthSerum

__all__ = ["POISONS", "Poison"]

_ALL: tuple[type[Poison], ...] = (Line, Square, TruthSerum)

POISONS: Registry[type[Poison]] = Registry(
    "poisons", {one.name: one for one in _ALL}, noun="poison", base=Poison
)
