from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pixleak.core.roles import Role
from pixleak.records.base import Records
from pixleak.records.checks.shift import check_shift
from pixleak.records.prepared.prepare import prepare
from pixleak.records.readers.phantom import phantom
from pixleak.records.splitting.random import random_split

Held = Callable[..., Records]


def test_a_fair_split_shows_no_shift(tmp_path: Path) -> None:
    records = prepare(phantom(240, seed=3, size=24), tmp_path)
    failed = 0
    for seed in range(5):
        split = random_split(
            records, {Role.TARGET_MEMBERS: 120, Role.TARGET_NONMEMBERS: 120}, seed=seed
        )
        shift = check_shift(
            split.of(records, Role.TARGET_MEMBERS), split.of(records, Role.TARGET_NONMEMBERS)
        )
        failed += not shift.passed
    assert failed == 0
    assert "None of 10 plain image properties differs" in shift.explanation
    assert "120 and 120 records" in shift.explanation


def test_another_scanner_is_a_shift() -> None:
    records = phantom(120, seed=5, size=32, shift=0.5)
    sides = [
        records.select([k.id for k in records.keys if k.group == f"scanner-{s}"]) for s in "ab"
    ]
    shift = check_shift(*sides)
    assert not shift.passed
    assert shift.features[0].p_adjusted < 1e-6
    assert shift.features[0].feature in shift.explanation
    adjusted = [feature.p_adjusted for feature in shift.features]
    assert adjusted == sorted(adjusted)


def test_slices_of_one_subject_count_once(held: Held) -> None:
    """Five subjects a side, forty identical slices each: the records would say p < 1e-40."""
    brightness = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.15, 0.25, 0.35, 0.45, 0.55])
    images = brightness.repeat_interleave(40)[:, None, None, None].expand(-1, 1, 4, 4)
    truths = torch.zeros(400, 4, 4, dtype=torch.int64)
    subjects = [f"s{i // 40}" for i in range(400)]
    records = held(images, truths, subjects=subjects)
    members, nonmembers = records.select(records.ids[:200]), records.select(records.ids[200:])
    shift = check_shift(members, nonmembers)
    assert shift.passed
    assert "means of 5 and 5 units" in shift.explanation
    mean = next(feature for feature in shift.features if feature.feature == "mean")
    assert (mean.members_mean, mean.nonmembers_mean) == (pytest.approx(0.3), pytest.approx(0.35))
    # Interleaved values: at most one of five lies between, so D = 1/5.
    assert mean.statistic == pytest.approx(0.2)
    alone = held(images, truths)
    assert not check_shift(alone.select(alone.ids[:200]), alone.select(alone.ids[200:])).passed
    units = dict(zip(alone.ids, subjects, strict=True))
    given_units = check_shift(
        alone.select(alone.ids[:200]), alone.select(alone.ids[200:]), units=units
    )
    assert given_units.features == shift.features
