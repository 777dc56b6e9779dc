"""The signals of models that were trained on neither side, on the audited records."""

from __future__ import annotations

import numpy as np

from pixleak.core.tables import ReferenceTable, SignalTable


def lacking_mean(table: ReferenceTable) -> SignalTable:
    """For each record, the mean signal over the references that were not trained on it.

    References are drawn without regard to the target's members and in complementary pairs, so that
    every record is lacked by half of them: neither the mean nor its spread depends on membership.

    Args:
        table: of m reference models.
    """
    lacks = table.measured & ~table.member[:, :, None]
    count = lacks.sum(axis=0)
    total = np.where(lacks, table.values, 0.0).sum(axis=0)
    return SignalTable(
        ids=table.ids,
        values=total / np.maximum(count, 1),
        infos=table.infos,
        measured=count > 0,
    )
