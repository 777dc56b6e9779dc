"""One attack of an audit, and what it is called in tables."""

from __future__ import annotations

from dataclasses import dataclass

from pixleak.attacks import Attack, Threshold
from pixleak.attacks.usual import CALIBRATED, ERROR
from pixleak.core.errors import InputError
from pixleak.core.tables import SignalInfo
from pixleak.pipeline.plan.choosing.columns import MeasuredColumns

_UNSAID = (ERROR, "l1-error", CALIBRATED, "cross-entropy")
"""Signals that go without saying in the title of an attack that is named by its other signals."""


@dataclass(frozen=True)
class PlannedAttack:
    """One attack on certain signals.

    Args:
        attack: with its parameters.
        columns: what it looks at.
        info: stands for a single signal: its name, what it needs, its source.
        title: its name in tables.
    """

    attack: Attack
    columns: tuple[str, ...]
    info: SignalInfo
    title: str

    @property
    def plain(self) -> bool:
        """Whether it is a threshold on one signal."""
        return isinstance(self.attack, Threshold)


def planned(attack: Attack, columns: tuple[str, ...], measured: MeasuredColumns) -> PlannedAttack:
    """An attack on these columns, under a name that tells it apart.

    Raises:
        InputError: the attack takes one signal, and these are several.
    """
    infos = [measured.infos[name] for name in columns]
    if attack.signals == "one" and len(infos) != 1:
        raise InputError(
            f"attack {attack.name!r} takes one signal, got {len(infos)}: {', '.join(columns)}"
        )
    first = infos[0]
    if isinstance(attack, Threshold):
        return PlannedAttack(attack, columns, first, title_of(first))
    # The attack returns a score of its own, so what it looked at is named as a whole.
    label, title = first.name, f"{attack.title} over {first.title or first.name.replace('-', ' ')}"
    if attack.named_by_signals:
        rest = [name.removeprefix("difficulty-") for name in columns[1:]]
        label = "+".join([columns[0], *(rest if len(rest) < 3 else ["all-difficulties"])])
        told = [info.title or info.name.replace("-", " ") for info in infos[1:]]
        told = told if len(told) < 3 else ["all difficulties"]
        if first.name not in _UNSAID:
            told.insert(0, first.title or first.name.replace("-", " "))
        title = f"{attack.title}, {' + '.join(told)}"
    elif attack.signals == "many":
        label, title = f"{len(columns)} signals", attack.title
    asking = [info for info in infos if info.queries_model] or infos
    access = max((info.access for info in asking), key=list(type(first.access)).index)
    info = SignalInfo(
        name=label,
        unit="1",
        members_are="higher",
        access=access,
        needs_truth=any(info.needs_truth for info in infos),
        source=attack.source,
        learned=any(info.learned for info in infos),
        queries=measured.queries(columns),
    )
    return PlannedAttack(attack, columns, info, title)


def title_of(info: SignalInfo) -> str:
    """The name of a signal in tables."""
    title = info.title or info.name.replace("-", " ")
    return title[0].upper() + title[1:]
