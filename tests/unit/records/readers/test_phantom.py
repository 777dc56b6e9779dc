from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.records.base import Record
from pixleak.records.readers.phantom import phantom


def _same(a: Record, b: Record) -> bool:
    return a.key == b.key and torch.equal(a.image, b.image) and torch.equal(a.truth, b.truth)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"classes": 9, "channels": 3, "size": 48},
        {"slices_per_subject": 3, "shift": 0.5, "empty_share": 0.3},
        {"near_duplicates": 0.4, "size": 16},
    ],
)
def test_records_are_valid_and_depend_on_the_seed_alone(settings: dict[str, object]) -> None:
    records = phantom(7, seed=3, **settings)  # type: ignore[arg-type]
    longer = pickle.loads(pickle.dumps(phantom(20, seed=3, **settings)))  # type: ignore[arg-type]
    size = settings.get("size", 64)
    assert isinstance(records.truth, LabelTruth)
    for index, record in enumerate(records):
        assert _same(record, longer[index])
        assert record.image.shape == (settings.get("channels", 1), size, size)
        assert record.image.dtype == torch.float32
        assert record.truth.dtype == torch.int64
        assert 0 <= record.image.min() < record.image.max() <= 1
        assert 0 <= record.truth.min() <= record.truth.max() < records.truth.classes
    assert not _same(records[0], phantom(7, seed=4, **settings)[0])  # type: ignore[arg-type]


def test_tumours_cover_a_few_per_cent_of_the_picture() -> None:
    records = phantom(200, seed=0)
    total = sum(int(record.truth.sum()) for record in records)
    assert 0.01 < total / (200 * 64 * 64) < 0.06


def test_tumours_are_darker_than_the_liver_around_them() -> None:
    labelled = list(phantom(40, seed=1, classes=3, difficulty=0, label_noise=0))
    tumour, liver = (
        np.mean([float(r.image[0][r.truth == label].mean()) for r in labelled]) for label in (1, 2)
    )
    assert liver - tumour > 0.15


def test_difficulty_spreads_the_contrast_of_tumours() -> None:
    def contrasts(difficulty: float) -> np.ndarray:
        records = phantom(60, seed=2, classes=3, difficulty=difficulty, label_noise=0)
        return np.array(
            [
                float(r.image[0][r.truth == 2].mean() - r.image[0][r.truth == 1].mean())
                for r in records
            ]
        )

    assert contrasts(1.0).std() > 1.5 * contrasts(0.0).std()


def test_label_noise_moves_masks_and_leaves_images() -> None:
    clean, noisy = phantom(30, seed=5, label_noise=0), phantom(30, seed=5, label_noise=1)
    overlap = []
    for a, b in zip(clean, noisy, strict=True):
        assert torch.equal(a.image, b.image)
        both = ((a.truth == 1) & (b.truth == 1)).sum()
        overlap.append(float(2 * both / (a.truth.sum() + b.truth.sum())))
    assert 0.2 < np.mean(overlap) < 0.8


def test_slices_of_a_subject_look_alike_and_carry_it() -> None:
    records = phantom(24, seed=6, slices_per_subject=6)
    assert records.ids[7] == "phantom-00001-01"
    assert records.units[6:12] == ("phantom-00001",) * 6
    images = torch.stack([record.image[0] for record in records]).reshape(4, 6, 64, 64)
    within = (images[:, 2] - images[:, 3]).square().mean().sqrt()
    between = (images[0, 2] - images[1, 2]).square().mean().sqrt()
    assert within < 0.5 * between


def test_near_duplicates_repeat_the_record_before_with_a_little_noise() -> None:
    records = phantom(200, seed=7, near_duplicates=0.25)
    distances = [
        float((records[i].image - records[i - 1].image).square().mean().sqrt())
        for i in range(1, 200, 2)
    ]
    copies = [d for d in distances if d < 0.03]
    assert 35 <= len(copies) <= 65
    assert min(copies) > 0
    assert min(d for d in distances if d >= 0.03) > 0.06


def test_shifted_records_are_grouped_by_scanner_and_differ() -> None:
    records = phantom(100, seed=8, shift=0.3)
    groups = {key.group for key in records.keys}
    assert groups == {"scanner-a", "scanner-b"}
    mean = {
        g: np.mean([float(r.image.mean()) for r in records if r.key.group == g]) for g in groups
    }
    assert mean["scanner-b"] - mean["scanner-a"] > 0.02
    assert 15 <= sum(key.group == "scanner-b" for key in records.keys) <= 45
    assert {key.group for key in phantom(5, seed=8).keys} == {None}


@pytest.mark.parametrize("slices", [1, 5])
def test_the_share_of_empty_masks_is_met(slices: int) -> None:
    records = phantom(200, seed=9, size=16, slices_per_subject=slices, empty_share=0.4)
    assert abs(np.mean([not record.truth.any() for record in records]) - 0.4) < 0.12
    assert all(record.truth.any() for record in phantom(100, seed=9, size=16))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"size": 8}, "size must be at least 16"),
        ({"classes": 10}, "classes must be at most 9, got 10"),
        ({"near_duplicates": 0.7}, "near_duplicates must be at most 0.5, got 0.7"),
        ({"channels": 2}, "channels must be 1 or 3"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        phantom(**{"count": 3, "seed": 0, **settings})  # type: ignore[arg-type]
