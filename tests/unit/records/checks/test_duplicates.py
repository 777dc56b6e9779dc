from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.records.base import Records
from pixleak.records.checks.duplicates import find_duplicates
from pixleak.records.checks.hashes import close_pairs, look
from pixleak.records.prepared.prepare import prepare
from pixleak.records.readers.named import DATASETS
from pixleak.records.readers.phantom import phantom

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


def rescaled(records: Records, scale: float, shift: float) -> Records:
    load = records.load
    return Records(
        records.keys,
        lambda i: (load(i)[0] * scale + shift, load(i)[1]),
        records.truth,
        records.name,
    )


@pytest.mark.parametrize(
    ("scale", "shift"), [(255, 0), (1 / 0.226, -0.449 / 0.226), (2, -1), (4000, -1000), (0.01, 0)]
)
def test_duplicates_are_found_whatever_the_scale_of_brightness(scale: float, shift: float) -> None:
    records = phantom(80, seed=4, near_duplicates=0.1)
    members, nonmembers = _halves(records)
    expected = {pair.nonmember for pair in find_duplicates(members, nonmembers).pairs}
    assert expected
    sides = (rescaled(side, scale, shift) for side in (members, nonmembers))
    assert {pair.nonmember for pair in find_duplicates(*sides).pairs} == expected


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


def test_sides_of_different_channels_are_refused() -> None:
    with pytest.raises(InputError, match="members are images of shape"):
        find_duplicates(phantom(2, seed=0), phantom(2, seed=0, channels=3))


def test_copies_of_another_size_are_found(held: Held) -> None:
    small = phantom(6, seed=0, size=32)
    images = torch.stack([record.image for record in small])
    doubled = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    large = held(doubled, torch.zeros(6, 64, 64, dtype=torch.int64))
    found = find_duplicates(small, large)
    assert found.nonmembers_affected == 6
    assert {(pair.member, pair.kind) for pair in found.pairs} == {
        (key, "identical") for key in small.ids
    }
    assert {pair.nonmember for pair in found.pairs} == set(large.ids)
    others = find_duplicates(small, phantom(6, seed=5, size=64))
    assert others.nonmembers_affected == 0


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
