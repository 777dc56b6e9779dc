from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pixleak.core.truth import LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.records.checks.descriptors import Descriptors, describe_pictures
from pixleak.records.checks.near_copies import EXACT, clusters_of, near_limit, near_pairs
from pixleak.records.checks.neighbours import nearest_pictures
from pixleak.records.readers.phantom import phantom


def _scenes(count: int, seed: int = 0, size: int = 32) -> Tensor:
    coarse = torch.randn(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
    fine = interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    return (0.5 + 0.15 * fine).clamp(0, 1)


def _records(pictures: Sequence[Tensor] | Tensor) -> Records:
    keys = [RecordKey(str(i)) for i in range(len(pictures))]
    return Records(
        keys,
        lambda i: (pictures[i], torch.zeros(pictures[i].shape[1:], dtype=torch.long)),
        LabelTruth(2),
    )


def _clusters(pictures: Sequence[Tensor] | Tensor) -> list[list[int]]:
    found = describe_pictures(_records(pictures))
    limit = near_limit(found)
    return clusters_of(near_pairs(found, limit), len(pictures), range(len(pictures)), limit)[0]


def _with_copies() -> list[Tensor]:
    """Twelve scenes; 12 and 13 show scene 0, 14 shows scene 5."""
    scenes = list(_scenes(12))
    noise = 0.02 * torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(9))
    zoomed = interpolate(scenes[0][None, :, 1:31, 1:31], size=(32, 32), mode="bilinear")[0]
    return [*scenes, 0.7 * scenes[0] + 0.2 + noise, zoomed, 0.5 * scenes[5]]


KNOWN = [[0, 12, 13], [5, 14]]


def test_brighter_noisy_and_cropped_copies_are_clusters_and_nothing_else_is() -> None:
    assert _clusters(_with_copies()) == KNOWN


@pytest.mark.parametrize(("scale", "shift"), [(255, 0), (4.4, -2), (4000, -1000), (0.01, 0)])
def test_clusters_do_not_depend_on_the_scale_of_brightness(scale: float, shift: float) -> None:
    assert _clusters([scale * one + shift for one in _with_copies()]) == KNOWN


def test_every_order_of_the_records_gives_the_same_clusters() -> None:
    pictures = _with_copies()
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(pictures)).tolist()
        found = _clusters([pictures[i] for i in order])
        assert sorted(sorted(order[i] for i in one) for one in found) == KNOWN


def test_pictures_of_other_sizes_are_compared() -> None:
    pictures = _with_copies()
    pictures[12] = interpolate(pictures[12][None], size=(48, 40), mode="bilinear")[0]
    assert _clusters(pictures) == KNOWN


def test_blank_pictures_are_in_no_cluster() -> None:
    blank = [torch.zeros(1, 32, 32), torch.zeros(1, 32, 32), torch.full((1, 32, 32), 0.3)]
    pictures = [*_with_copies(), *blank]
    assert _clusters(pictures) == KNOWN
    assert describe_pictures(_records(pictures)).blank.tolist() == [False] * 15 + [True] * 3


def test_a_set_of_blank_pictures_has_no_clusters_and_no_neighbours() -> None:
    found = describe_pictures(_records([torch.zeros(1, 8, 8)] * 12))
    assert near_limit(found) == EXACT
    assert len(near_pairs(found, EXACT)[0]) == 0
    assert len(nearest_pictures(found, np.arange(12))) == 0


def test_distinct_phantoms_are_kept_apart_although_they_look_alike() -> None:
    records = phantom(160, seed=4)
    found = describe_pictures(records)
    assert len(near_pairs(found, near_limit(found))[0]) == 0


def _random(count: int, seed: int) -> Descriptors:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(count, 255)) * np.r_[np.ones(63), np.full(192, 0.2)]
    values[1::4] = values[::4][: len(values[1::4])] + 0.15 * values[1::4]
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    blank = np.zeros(count, dtype=bool)
    blank[7::20] = True
    values[blank] = 0
    return Descriptors(values.astype(np.float32), blank)


@pytest.mark.parametrize("cells", [100, 1 << 23])
def test_pairs_and_neighbours_are_those_of_all_pairs_one_by_one(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixleak.records.checks.near_copies._CELLS", max(cells, 512))
    monkeypatch.setattr("pixleak.records.checks.neighbours._CELLS", cells)
    found = _random(90, 3)
    values = found.values.astype(np.float64)
    limit = near_limit(found)
    shown = np.flatnonzero(~found.blank).tolist()
    apart = {(i, j): float(((values[i] - values[j]) ** 2).sum() / 2) for i in shown for j in shown}
    expected = {pair for pair, far in apart.items() if pair[0] < pair[1] and far <= limit}
    i, j, _ = near_pairs(found, limit)
    assert len(expected) > 10
    assert len(i) == len(expected)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
    mean = np.mean([far for (a, b), far in apart.items() if a < b])
    assert limit == pytest.approx(min(0.05, 0.15 * mean), rel=1e-5)

    unit = np.arange(90) // 2
    low = values[:, :63]
    for record in shown:
        others = [o for o in shown if unit[o] != unit[record]]
        others.sort(key=lambda o: float(((low[record] - low[o]) ** 2).sum()))
        edges = nearest_pictures(found, unit)
        assert set(edges[edges[:, 0] == record, 1].tolist()) == set(others[:3])


def test_the_chaining_guard_divides_a_cluster_of_more_than_half_of_its_side() -> None:
    chain = np.arange(9)
    far = np.full(9, 0.04)
    far[:2] = 0.01
    pairs = (chain, chain + 1, far)
    assert clusters_of(pairs, 20, range(20), 0.05) == ([list(range(10))], False)
    assert clusters_of(pairs, 20, range(12), 0.05) == ([[0, 1, 2]], True)


def test_exact_copies_stay_together_however_many_they_are() -> None:
    pairs = (np.arange(9), np.arange(1, 10), np.zeros(9))
    assert clusters_of(pairs, 10, range(10), 0.05) == ([list(range(10))], True)
