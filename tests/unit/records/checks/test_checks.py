from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pixleak.core.errors import InputError
from pixleak.core.holm import holm
from pixleak.records.base import Records
from pixleak.records.checks.checks import check_shift, find_duplicates
from pixleak.records.checks.hashes import close_pairs, look
from pixleak.records.named import DATASETS
from pixleak.records.phantom.phantom import phantom
from pixleak.records.prepared.prepare import prepare
from pixleak.records.splitting.random import ROLES, block_split, random_split
from pixleak.records.splitting.split import MAIN_ROLES

Held = Callable[..., Records]


def _halves(records: Records) -> tuple[Records, Records]:
    return records.select(records.ids[::2]), records.select(records.ids[1::2])


def test_planted_duplicates_are_found_and_nothing_else() -> None:
    records = phantom(160, seed=4, near_duplicates=0.1)
    copied = {(f"phantom-{u - 1:05d}", f"phantom-{u:05d}") for u in records.load.copies}  # type: ignore[attr-defined]
    found = find_duplicates(*_halves(records))
    assert {(pair.member, pair.nonmember) for pair in found.pairs} == copied
    assert len(copied) >= 10
    assert {pair.kind for pair in found.pairs} == {"near"}
    assert all(0 < pair.distance < 0.02 for pair in found.pairs)
    assert [p.distance for p in found.pairs] == sorted(p.distance for p in found.pairs)
    assert found.nonmembers_affected == len(copied)
    assert found.nonmembers == 80
    assert not found.passed
    assert f"{len(copied)} of 80" in found.explanation


@pytest.mark.parametrize("settings", [{}, {"channels": 3, "size": 48}, {"shift": 1.0}])
def test_distinct_records_are_no_duplicates(settings: dict[str, object]) -> None:
    found = find_duplicates(*_halves(phantom(160, seed=6, **settings)))  # type: ignore[arg-type]
    assert found.pairs == []
    assert found.passed
    assert found.explanation == "No non-member repeats a member."


def test_identical_images_are_told_from_near_ones(held: Held) -> None:
    images = torch.stack([record.image for record in phantom(3, seed=0)])
    truths = torch.zeros(3, 64, 64, dtype=torch.int64)
    changed = images.clone()
    changed[1] = (changed[1] * 0.98).clamp(0, 1)
    changed[2] = changed[2].flip(-1)
    found = find_duplicates(held(images, truths), held(changed, truths))
    assert [(p.member, p.nonmember, p.kind) for p in found.pairs] == [
        ("r0", "r0", "identical"),
        ("r1", "r1", "near"),
    ]
    expected = float((images[1] * 0.02).square().mean().sqrt())
    assert found.pairs[1].distance == pytest.approx(expected, rel=1e-4)
    # A tolerance of two thirds lets them pass.
    assert find_duplicates(held(images, truths), held(changed, truths), tolerated=0.7).passed


def test_pale_images_are_not_all_alike(held: Held) -> None:
    images = 0.5 + 0.02 * torch.randn(20, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    truths = torch.zeros(20, 32, 32, dtype=torch.int64)
    records = held(images, truths)
    assert find_duplicates(records, held(images.flip(0)[:10], truths)).nonmembers_affected == 10
    assert not find_duplicates(*_halves(records), radius=63).pairs


def test_pairs_by_matrices_are_those_of_a_plain_loop() -> None:
    records = phantom(60, seed=1, near_duplicates=0.2)
    first, second = (look(half) for half in _halves(records))
    slow = {
        (i, j)
        for i in range(30)
        for j in range(30)
        if int((first.signs[i] != second.signs[j]).sum()) <= 12
        and np.sqrt(np.mean((first.thumbnails[i] - second.thumbnails[j]) ** 2)) <= 0.1
    }
    assert set(close_pairs(first, second, 12, 0.08)) == slow
    assert slow


def test_sides_of_different_shape_are_refused(held: Held) -> None:
    with pytest.raises(InputError, match="members are images of shape"):
        find_duplicates(phantom(2, seed=0), phantom(2, seed=0, size=32))


def test_a_fair_split_shows_no_shift(tmp_path: Path) -> None:
    records = prepare(phantom(240, seed=3, size=24), tmp_path)
    failed = 0
    for seed in range(5):
        split = random_split(records, {ROLES[0]: 120, ROLES[1]: 120}, seed=seed)
        shift = check_shift(split.of(records, ROLES[0]), split.of(records, ROLES[1]))
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


def test_holm_by_hand() -> None:
    # Sorted .005 .011 .02 .04 times 4 3 2 1 is .02 .033 .04 .04.
    assert holm([0.02, 0.005, 0.04, 0.011]) == pytest.approx([0.04, 0.02, 0.04, 0.033])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_its_definition(p_values: list[float]) -> None:
    order = sorted(range(len(p_values)), key=lambda k: p_values[k])
    for rank, index in enumerate(order):
        slow = max(min(1.0, (len(order) - r) * p_values[order[r]]) for r in range(rank + 1))
        assert holm(p_values)[index] == slow


@pytest.fixture(scope="module")
def real(repo: Path) -> Path:
    folder = repo.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real image sets are not here")
    return folder


def test_frames_that_kvasir_seg_repeats_are_found(real: Path, tmp_path: Path) -> None:
    if not (real / "kvasir-seg").is_dir():
        pytest.skip("Kvasir-SEG is not here")
    frames = DATASETS["kvasir-seg"].open(real / "kvasir-seg", (64, 64))
    # Looked at: these pairs show the same frame, and the last ones merely alike polyps.
    repeated = [("0510", "0593"), ("0222", "0916"), ("0459", "0620"), ("0300", "0667")]
    distinct = [("0783", "0970"), ("0124", "0637"), ("0736", "0769"), ("0526", "0891")]
    left, right = zip(*repeated, *distinct, strict=True)
    chosen = prepare(frames.select(left + right), tmp_path)
    found = find_duplicates(chosen.select(left), chosen.select(right))
    assert sorted((pair.member, pair.nonmember) for pair in found.pairs) == sorted(repeated)


def test_camvid_in_blocks_has_every_sequence_in_every_role(real: Path) -> None:
    if not (real / "camvid").is_dir():
        pytest.skip("CamVid is not here")
    frames = DATASETS["camvid"].open(real / "camvid", (24, 32))
    split = block_split(frames, None, seed=0)
    group_of = {key.id: key.group for key in frames.keys}
    for role in MAIN_ROLES:
        ids = split.roles[role]
        assert len(ids) == 136
        assert {group_of[key] for key in ids} == {"0001TP", "0006R0", "0016E5", "Seq05V"}
