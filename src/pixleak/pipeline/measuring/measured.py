"""The signal tables of one audit, by the records that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pixleak.core.tables import ReferenceTable, SignalTable


class PartName(StrEnum):
    """Which of the records that every model is asked about.

    Audited are the target members and non-members; outer are the other records that the target was
    not trained on, where some attack looks at them; the reserve is the one that the target was
    trained on, together with the target non-members.
    """

    AUDITED = "audited"
    OUTER = "outer"
    CANARIES = "canaries"
    BYSTANDERS = "bystanders"
    RESERVE = "reserve"


@dataclass(frozen=True)
class MeasuredPart:
    """The same signals of all models on some of the records; all None where there are none.

    Args:
        target: of the target.
        untrained: of the untrained model, or None without one.
        reference: of the pool, or None without one.
    """

    target: SignalTable | None = None
    untrained: SignalTable | None = None
    reference: ReferenceTable | None = None


@dataclass(frozen=True)
class ModelPass:
    """What one pass of one model over the records measured.

    Args:
        table: signals, and what is measured beside them for the model's utility, on all records
            that it was asked about.
        seconds: per record, of the one query that all signals share.
    """

    table: SignalTable
    seconds: float


@dataclass(frozen=True)
class Measured:
    """The signal tables of one audit; ``measured[PartName.OUTER]`` is one part.

    Args:
        parts: of the records, each with the tables of the target, the untrained model and the pool.
        asked: name of a model -> all that was measured of it.
        shadow: signals on the shadow's members and non-members, or None without a shadow.
        elsewhere: signals on the audited records, of models that were trained on none of them: the
            mean over the references that lack a record, or the shadow; None without either.
    """

    parts: Mapping[PartName, MeasuredPart]
    asked: Mapping[str, ModelPass]
    shadow: SignalTable | None = None
    elsewhere: SignalTable | None = None

    def __getitem__(self, name: PartName) -> MeasuredPart:
        return self.parts.get(name, MeasuredPart())

    @property
    def target(self) -> SignalTable:
        """The target's signals on the audited records."""
        table = self[PartName.AUDITED].target
        assert table is not None
        return table
