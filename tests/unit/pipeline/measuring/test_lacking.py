"""The mean signal over the references that lack a record."""

from __future__ import annotations

import numpy as np

from pixleak.core.access import Access
from pixleak.core.tables import ReferenceTable, SignalInfo
from pixleak.pipeline.measuring.lacking import lacking_mean

LOSS = SignalInfo(name="loss", unit="1", members_are="lower", access=Access.LABEL)


def test_only_models_that_lack_a_record_count() -> None:
    values = np.array([[[1.0], [2.0], [3.0]], [[5.0], [6.0], [7.0]], [[9.0], [np.nan], [11.0]]])
    measured = ~np.isnan(values)
    member = np.array([[True, False, True], [False, True, True], [False, False, True]])
    table = ReferenceTable(("a", "b", "c"), ("x", "y", "z"), values, (LOSS,), measured, member)
    found = lacking_mean(table)
    # a: models y and z; b: model x alone, since z was not measured; c: no model lacks it.
    assert found.values[:2, 0].tolist() == [7.0, 2.0]
    assert found.measured[:, 0].tolist() == [True, True, False]
