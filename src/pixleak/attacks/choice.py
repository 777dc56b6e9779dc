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
            given: a mapping is ``{"name": ..., "options": {...}, "signals": [...]}``; in Python
                its name may be an attack, which has its options already.

        Raises:
            InputError: it is none of these, or the attack cannot be made.
        """
        if isinstance(given, cls):
            return given
        if not isinstance(given, Mapping):
            return cls(ATTACKS.taken(given))
        named = given.get("name")
        what = named.name if isinstance(named, Attack) else named
        signals = given.get("signals") or ()
        if not isinstance(signals, list | tuple) or not all(isinstance(x, str) for x in signals):
            raise InputError(
                f"attack {what!r}: signals must be a list of names, as in [margin, dice-loss], got "
                f"{signals!r}"
            )
        rest = {key: value for key, value in given.items() if key != "signals"}
        if isinstance(named, Attack):
            if more := [key for key in rest if key != "name"]:
                raise InputError(
                    f"attack {what!r}: {more[0]} goes with the name of an attack; an object has "
                    "its options already"
                )
            return cls(named, tuple(signals))
        return cls(ATTACKS.taken(rest), tuple(signals))
