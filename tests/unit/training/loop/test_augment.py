from __future__ import annotations

import pytest
import torch
from torch import Generator

from pixleak.training.loop.augment import augmented


def batch(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """The truth is the image's own grey level, so that both must move together."""
    truths = torch.arange(12).reshape(1, 3, 4).repeat(n, 1, 1)
    return truths[:, None].float(), truths


def test_none_changes_nothing() -> None:
    images, truths = batch()
    assert augmented(images, truths, "none", Generator()) == (images, truths)


@pytest.mark.parametrize(
    ("kind", "axes"), [("hflip", [(), (2,)]), ("flips", [(), (2,), (1,), (1, 2)])]
)
def test_flips_move_image_and_truth_together(kind: str, axes: list[tuple[int, ...]]) -> None:
    images, truths = batch()
    asked = images.clone()
    changed, labels = augmented(images, truths, kind, Generator().manual_seed(0))
    assert torch.equal(changed[:, 0].long(), labels)
    assert torch.equal(images, asked)
    counts = [int((labels == truths.flip(axis)).flatten(1).all(1).sum()) for axis in axes]
    assert sum(counts) == 64
    assert min(counts) >= 64 / len(axes) / 3


def test_intensity_stays_within_its_bounds_and_leaves_the_truth() -> None:
    images, truths = batch()
    generator = Generator().manual_seed(0)
    flipped, _ = augmented(images, truths, "flips", Generator().manual_seed(0))
    changed, labels = augmented(images, truths, "flips+intensity", generator)
    assert torch.equal(flipped[:, 0].long(), labels)
    contrast = changed.flatten(1).std(1) / flipped.flatten(1).std(1)
    shift = (changed - flipped).flatten(1).mean(1) / flipped.flatten(1).std(1)
    for values, low, high in ((contrast, 0.8, 1.2), (shift, -0.2, 0.2)):
        assert values.min() >= low - 1e-5
        assert values.max() <= high + 1e-5
        assert values.max() - values.min() > 0.8 * (high - low)


def test_same_generator_same_changes() -> None:
    images, truths = batch()
    one, _ = augmented(images, truths, "flips+intensity", Generator().manual_seed(3))
    two, _ = augmented(images, truths, "flips+intensity", Generator().manual_seed(3))
    assert torch.equal(one, two)
