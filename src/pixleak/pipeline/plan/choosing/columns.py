"""Names of signals and families, and the columns that they are measured in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pixleak.attacks.usual import EVERY
from pixleak.core.access import Access
from pixleak.core.truth import Truth

if TYPE_CHECKING:
    from pixleak.signals.base import Signal
    from pixleak.signals.difficulty.base import Difficulty
    from pixleak.signals.learned.base import LearnedSignal


class MeasuredColumns:
    """The columns of an audit's signal tables.

    Args:
        truth: of the records.
        fixed: signals of the one query.
        difficulties: measured on the records alone.
        learned: learned on the shadow's answers.
    """

    def __init__(
        self,
        truth: Truth,
        fixed: Sequence[Signal],
        difficulties: Sequence[Difficulty],
        learned: Sequence[LearnedSignal],
    ) -> None:
        measured = (*fixed, *difficulties)
        self._of = {signal.name: signal.infos(truth) for signal in measured}
        self._of |= {signal.name: (signal.info,) for signal in learned}
        self._queries = {signal.name: signal.info.queries for signal in measured}
        self.infos = {info.name: info for infos in self._of.values() for info in infos}
        asking = [
            info.name
            for signal in measured
            if signal.info.queries_model
            for info in self._of[signal.name]
        ]
        # Few attackers have the discriminator, so an attack on everything leaves it out.
        self._every = tuple(
            name for name in asking if self.infos[name].access is not Access.DISCRIMINATOR
        )
        self.difficulties = tuple(one.name for one in difficulties)
        ranks = [(one.name, one.rank) for one in measured]
        ranks += [(one.name, one.rank) for one in learned]
        self.ranks = {
            info.name: rank for name, rank in ranks if rank is not None for info in self._of[name]
        }

    def of(self, name: str) -> tuple[str, ...]:
        """The columns of a signal, of a family, or of ``EVERY``; none if not measured."""
        if name == EVERY:
            return self._every
        if name in self._of:
            return tuple(info.name for info in self._of[name])
        return (name,) if name in self.infos else ()

    def queries(self, columns: Sequence[str]) -> int:
        """Queries per record for these columns: one, and what each signal adds to it."""
        wanted = set(columns)
        used = [n for n, infos in self._of.items() if wanted & {info.name for info in infos}]
        return 1 + sum(self._queries.get(name, 1) - 1 for name in used)

    def known(self) -> tuple[str, ...]:
        """Every name that may be asked for."""
        return tuple(dict.fromkeys([EVERY, *self._of, *self.infos]))
