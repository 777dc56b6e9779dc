from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pixleak.core.truth import LabelTruth
from pixleak.training.loop.losses import LOSSES, SMOOTH, cross_entropy, dice_loss

IGNORE = 255


def test_worked_example() -> None:
    # One image of four pixels, two classes. Class 1 has probability 3/4, 1/4, 1/2 and 1/2;
    # the truth is 1, 0, 1 and ignored.
    odds = torch.tensor([[3.0, 1 / 3], [1.0, 1.0]]).log()
    logits = torch.stack([torch.zeros(2, 2), odds])[None]
    truths = torch.tensor([[[1, 0], [1, IGNORE]]])
    truth = LabelTruth(2, ignore=IGNORE)
    # Cross-entropy: -(ln 3/4 + ln 3/4 + ln 1/2) / 3.
    expected = -(2 * math.log(3 / 4) + math.log(1 / 2)) / 3
    assert cross_entropy(logits, truths, truth).item() == pytest.approx(expected, rel=1e-6)
    # Class 1 holds two pixels, overlap 3/4 + 1/2, mass 3/4 + 1/4 + 1/2: 1 - 2.5 / 3.5.
    # Class 0 holds one pixel, overlap 3/4, mass 1/4 + 3/4 + 1/2: 1 - 1.5 / 2.5.
    expected = ((1 - 2.5 / 3.5) + (1 - 1.5 / 2.5)) / 2
    assert dice_loss(logits, truths, truth).item() == pytest.approx(expected, abs=1e-5)


def test_an_absent_class_has_no_dice_of_its_own() -> None:
    # Uniform over three classes, truth all class 0: 1 - 2 (4/3) / (4/3 + 4) = 1/2, not a mean
    # with two ones.
    truths = torch.zeros(1, 2, 2, dtype=torch.int64)
    loss = dice_loss(torch.zeros(1, 3, 2, 2), truths, LabelTruth(3))
    assert loss.item() == pytest.approx(0.5, abs=1e-5)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, Tensor, LabelTruth]:
    b, k, h, w = (draw(st.integers(low, high)) for low, high in ((1, 4), (2, 4), (1, 4), (1, 4)))
    ignore = draw(st.sampled_from([None, -1, IGNORE]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    truths = torch.randint(0, k, (b, h, w), generator=generator)
    if ignore is not None:
        truths[torch.rand(b, h, w, generator=generator) < 0.4] = ignore
    logits = 4 * torch.randn(b, k, h, w, generator=generator, dtype=torch.float64)
    return logits, truths, LabelTruth(k, ignore=ignore)


def naive(name: str, logits: Tensor, truths: Tensor, truth: LabelTruth) -> float:
    """One image, pixel by pixel: logits (K, h, w), truths (h, w)."""
    pixels = [
        (logits[:, i, j].softmax(0).tolist(), int(truths[i, j]))
        for i in range(truths.shape[0])
        for j in range(truths.shape[1])
        if int(truths[i, j]) != truth.ignore
    ]
    if not pixels:
        return 0.0
    entropy = sum(-math.log(p[y]) for p, y in pixels) / len(pixels)
    losses = []
    for c in {y for _, y in pixels}:
        overlap = sum(p[c] for p, y in pixels if y == c)
        mass = sum(p[c] for p, _ in pixels) + sum(y == c for _, y in pixels)
        losses.append(1 - (2 * overlap + SMOOTH) / (mass + SMOOTH))
    dice = sum(losses) / len(losses)
    return {"ce": entropy, "dice": dice, "dice+ce": entropy + dice}[name]


@given(problems())
def test_every_loss_equals_a_loop_over_pixels(problem: tuple[Tensor, Tensor, LabelTruth]) -> None:
    logits, truths, truth = problem
    for name, loss in LOSSES.items():
        got = loss(logits, truths, truth)
        expected = [naive(name, *pair, truth) for pair in zip(logits, truths, strict=True)]
        assert got.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_dice_equals_monai_where_every_class_is_present() -> None:
    from monai.losses.dice import DiceLoss

    logits = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    truths = torch.arange(4 * 64).reshape(4, 8, 8) % 3
    theirs = DiceLoss(softmax=True, to_onehot_y=True, reduction="none")(logits, truths[:, None])
    ours = dice_loss(logits, truths, LabelTruth(3))
    torch.testing.assert_close(ours, theirs.flatten(1).mean(dim=1))


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_reach_valid_pixels_only(name: str) -> None:
    logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    truths = torch.zeros(2, 4, 4, dtype=torch.int64)
    truths[0, 0] = 2
    truths[0, 1] = IGNORE
    truths[1] = IGNORE
    LOSSES[name](logits, truths, LabelTruth(3, ignore=IGNORE)).sum().backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum(dim=1) > 0
    assert torch.equal(touched, truths != IGNORE)
