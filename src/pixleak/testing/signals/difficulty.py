"""Checks that a difficulty keeps its contract.

For authors of difficulties, here and elsewhere::

    from pixleak.testing import check_difficulty

    def test_my_difficulty():
        check_difficulty(MyDifficulty())

Passing them is necessary and not sufficient: give the difficulty one example worked by hand as
well.
"""

from __future__ import annotations

import pickle

import numpy as np
import torch

from pixleak.core.errors import UnmetNeedError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Records
from pixleak.signals.difficulty.base import Difficulty, measure_difficulty
from pixleak.testing.common import assert_described, assert_same_table, assert_value_object
from pixleak.testing.worlds.records import bright_squares, smoothed_noise

TOLERANCE = 1e-5


def check_difficulty(difficulty: Difficulty, *, tolerance: float = TOLERANCE) -> None:
    """Run every contract check.

    Args:
        difficulty: with the parameters to check it at.
        tolerance: relative and absolute, between the same record in different batches.

    Raises:
        AssertionError: with the check that failed, and how.
        MissingExtraError: it needs a package that is not installed.
    """
    assert_value_object(difficulty)
    check_description(difficulty)
    difficulty.prepare()
    for records in (bright_squares(6, (32, 32)), smoothed_noise(6, 32)):
        if not difficulty.measured_on(records.truth):
            check_refuses(difficulty, records)
            continue
        check_records(difficulty, records, tolerance)


def check_description(difficulty: Difficulty) -> None:
    """It never asks the model, and a higher value excuses a higher error."""
    info = difficulty.info
    assert_described(info)
    assert not info.queries_model, f"{info.name}: a difficulty never asks the model"
    assert info.members_are == "higher", f"{info.name}: a higher value must mean a harder record"
    assert difficulty.identity, f"{info.name}: identity is empty"


def check_records(difficulty: Difficulty, records: Records, tolerance: float) -> None:
    """Values are finite, depend on the record alone, survive pickling and leave records alone."""
    name = difficulty.name
    before = [(record.image.clone(), record.truth.clone()) for record in records]
    whole = measure_difficulty(records, [difficulty], batch_size=6)
    assert whole.measured.any(), f"{name}: nothing is measured"
    assert np.isfinite(whole.values[whole.measured]).all(), f"{name}: not finite"
    single = measure_difficulty(records, [difficulty], batch_size=1)
    assert_same_table(whole, single, tolerance, f"{name}: batching")
    backwards = measure_difficulty(records.select(records.ids[::-1]), [difficulty], batch_size=4)
    assert_same_table(whole, backwards.select(ids=records.ids), tolerance, f"{name}: order")
    copy = measure_difficulty(records, [pickle.loads(pickle.dumps(difficulty))], batch_size=6)
    assert_same_table(whole, copy, 0.0, f"{name}: pickling")
    for record, (image, truth) in zip(records, before, strict=True):
        untouched = torch.equal(record.image, image) and torch.equal(record.truth, truth)
        assert untouched, f"{name} alters its records"


def check_refuses(difficulty: Difficulty, records: Records) -> None:
    """Records of the other kind of truth are refused."""
    try:
        measure_difficulty(records, [difficulty])
    except UnmetNeedError:
        return
    kind = "label maps" if isinstance(records.truth, LabelTruth) else "images"
    raise AssertionError(f"{difficulty.name}: records whose truth is {kind} are accepted")
