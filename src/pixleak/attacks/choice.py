"""An attack together with the signals that it is used on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pixleak.attacks.base import Attack
from pixleak.attacks.table import ATTACKS
from pixleak.core.errors import InputError


@dataclass(frozen=True)
class AttackChoice:
    """An attack, and what it looks at.

    Args:
        attack: with its parameters.
        signals: names of signals or families; empty: the usual ones.
    """

    attack: Attack
    signals: tuple[str, ...] = ()

    @classmethod
    def taken(cls, given: object) -> AttackChoice:
        """The choice for a name, a mapping, an attack or a choice.

        Args:
            given: a mapping is ``{"name": ..., "options": {...}, "signals": [...]}``.

        Raises:
            InputError: it is none of these, or the attack cannot be made.
        """
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            return cls(ATTACKS.taken(given))
        signals = given.get("signals") or ()
        if isinstance(signals, str) or not all(isinstance(name, str) for name in signals):
            raise InputError(f"attack {given.get('name')!r}: signals is a list of names")
        rest = {key: value for key, value in given.items() if key != "signals"}
        return cls(ATTACKS.taken(rest), tuple(signals))
